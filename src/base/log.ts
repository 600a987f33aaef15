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

/** What cannot be written (the disk is full) waits up to this size; more is dropped. */
const MAX_WAITING_BYTES = 256 * 1024

/** To the standard output. A line that cannot be written is no reason for a process to end. */
export function processLog(component: string, level = 'info'): Log {
  const output = pino.destination({ fd: 1, sync: true, maxLength: MAX_WAITING_BYTES })
  output.on('error', () => {})
  return pino(
    {
      level,
      base: { component },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  )
}

/** Keeps nothing: for tests that do not look at logs. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }
