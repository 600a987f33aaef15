import type { Clock } from '../../base/index.ts'
import { sendText } from './answer.ts'
import type { Request } from './handler.ts'

export interface HealthCheck {
  readonly name: string
  /** Throws with what is wrong. */
  check(): void | Promise<void>
  /** A dead server would not be helped by a restart: the check counts for readiness only. */
  readonly readinessOnly?: true
}

const TIMEOUT_MS = 5_000

/** /livez, /readyz and /healthz, each check also by its own path; `?verbose` lists them, `?exclude=` leaves some out. */
export async function healthRequest(request: Request, checks: readonly HealthCheck[]): Promise<boolean> {
  const { info, exchange } = request
  const [, endpoint = '', name] = info.path.split('/')
  const within = endpoint === 'livez' ? checks.filter((c) => !c.readinessOnly) : checks
  const wanted = name === undefined || name === '' ? within : within.filter((c) => c.name === name)
  if (wanted.length === 0 && name) return false
  const excluded = new Set(info.query.getAll('exclude'))
  const results = await Promise.all(
    wanted.map((c) =>
      excluded.has(c.name) ? { name: c.name, excluded: true } : runCheck(c, request.parts.clock),
    ),
  )
  const failed = results.filter((r) => 'error' in r && r.error)
  const lines = results.map((r) => {
    if ('excluded' in r) return `[+]${r.name} excluded: ok`
    return r.error ? `[-]${r.name} failed: ${r.error}` : `[+]${r.name} ok`
  })
  if (failed.length > 0) sendText(exchange, 500, `${lines.join('\n')}\n${endpoint} check failed\n`)
  else if (info.query.has('verbose'))
    sendText(exchange, 200, `${lines.join('\n')}\n${endpoint} check passed\n`)
  else sendText(exchange, 200, 'ok')
  return true
}

/** What is wrong with it, if anything; a check that gives no answer is not well either. */
export async function runCheck(
  check: HealthCheck,
  clock: Clock,
): Promise<{ name: string; error: string | undefined }> {
  let cancel: (() => void) | undefined
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(TIMEOUT_MS, () => reject(new Error(`no answer within ${TIMEOUT_MS / 1000}s`)))
  })
  try {
    await Promise.race([check.check(), late])
    return { name: check.name, error: undefined }
  } catch (error) {
    return { name: check.name, error: (error as Error).message }
  } finally {
    cancel?.()
  }
}
