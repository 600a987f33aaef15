import type { Container, ContainerStatus, Pod } from '../../api/index.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { BACKOFF_MS } from '../spec/labels.ts'

const FIRST_DELAY_MS = 10_000
const MAX_DELAY_MS = 300_000
/** A container that ran this long starts with a clean sheet. */
const FORGIVEN_AFTER_MS = 2 * MAX_DELAY_MS

/**
 * When a container that ended may start again, and the delay that its successor carries: none after the first end, then
 * 10 s, 20 s, … 5 min. The delay travels as an annotation of the container, so that an agent that restarts knows it.
 */
export function restartAfter(ended: ObservedContainer): {
  readonly at: number
  readonly delayMs: number
  readonly nextDelayMs: number
} {
  const finishedAt = ended.finishedAt ?? ended.createdAt
  const delay = Number(ended.annotations[BACKOFF_MS] ?? 0) || 0
  if (finishedAt - ended.createdAt > FORGIVEN_AFTER_MS)
    return { at: finishedAt, delayMs: 0, nextDelayMs: FIRST_DELAY_MS }
  return {
    at: finishedAt + delay,
    delayMs: delay,
    nextDelayMs: delay === 0 ? FIRST_DELAY_MS : Math.min(delay * 2, MAX_DELAY_MS),
  }
}

/** The policy of a container: its own rules and policy where it has them, else the pod's. */
export function shouldRestart(
  pod: Pod,
  container: Container,
  ended: Pick<ObservedContainer, 'exitCode'>,
  isInit: boolean,
): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const codes = rule.exitCodes
    if (!codes) continue
    const listed = (codes.values ?? []).includes(ended.exitCode)
    if ((codes.operator === 'In') === listed) return rule.action === 'Restart'
  }
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always'
  if (policy === 'Never') return false
  // Init containers run to success once, whatever "Always" says for the others.
  if (policy === 'OnFailure' || (isInit && container.restartPolicy !== 'Always')) return ended.exitCode !== 0
  return true
}

/**
 * The attempt that follows what a status tells, of a container of which the runtime has nothing. A status without id has
 * counted the loss already.
 */
export function attemptAfter(status: ContainerStatus | undefined): number {
  if (!status) return 0
  return status.containerID ? status.restartCount + 1 : status.restartCount
}

/** `10s`, `1m20s`, `5m0s`: as back-off messages write a delay. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
