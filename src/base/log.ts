import { pino } from 'pino'

/** Structured logs: `log.info({ pod: 'default/web' }, 'started container')`. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** The same log with `fields` on every line. */
  child(fields: object): Log
}

export function processLog(component: string, level = 'info'): Log {
  return pino({
    level,
    base: { component },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
}

/** Keeps nothing: for tests that do not look at logs. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }
