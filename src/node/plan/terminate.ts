import type { ObservedContainer } from '../runtime/runtime.ts'
import { initContainers, isSidecar } from '../spec/resources.ts'
import type { Action, PodFacts, Verdict } from './facts.ts'
import type { PodPlan } from './plan.ts'

/** After the grace period of the pod is used up, sidecars still get this long. */
const MIN_GRACE_SECONDS = 2
/** A pod whose object is gone gets this long. */
const REMOVED_GRACE_SECONDS = 2

/**
 * Ends a pod: the regular containers together, then the sidecars in the reverse of their starting order, then the
 * sandbox, then volumes and cgroups; last, where somebody deleted it, the object itself.
 */
export function planTermination(facts: PodFacts, verdict: Verdict | undefined): PodPlan {
  const plan = (actions: readonly Action[]): PodPlan => ({
    actions,
    wakeAt: undefined,
    terminal: true,
    verdict,
  })
  const { pod, observed, local } = facts
  const deleted = pod.metadata.deletionTimestamp !== undefined

  // Starts under way are being cancelled; what they leave is dealt with once they are over.
  const starting = [...local.inFlight].some((k) => k.startsWith('startContainer:') || k === 'createSandbox')
  const live = observed.containers.filter((c) => c.state === 'running' || c.state === 'unknown')
  if (live.length > 0) return plan(killNext(facts, live, verdict))
  if (starting) return plan([])

  const ready = observed.sandboxes.filter((s) => s.ready)
  if (ready.length > 0) return plan(ready.map((s) => ({ do: 'stopSandbox', id: s.id })))
  if (!local.cleanedUp && !verdict?.refused) return plan([{ do: 'cleanUp' }])
  if (local.removed) return plan([{ do: 'forget' }])
  if (deleted) return plan([{ do: 'deletePod' }])
  return plan([])
}

function killNext(
  facts: PodFacts,
  live: readonly ObservedContainer[],
  verdict: Verdict | undefined,
): Action[] {
  const { pod } = facts
  const sidecars = initContainers(pod)
    .filter(isSidecar)
    .map((c) => c.name)
  const others = live.filter((c) => !sidecars.includes(c.name))
  const grace = podGrace(facts, verdict)
  const hold = holdUntil(facts, grace)
  if (others.length > 0)
    return others.map((c) => ({ ...stop(c, grace), ...(hold ? { holdUntil: hold } : {}) }))
  const lastStarted = [...sidecars].reverse().find((name) => live.some((c) => c.name === name))
  const used =
    facts.local.terminatingSince === undefined
      ? 0
      : Math.floor((facts.now - facts.local.terminatingSince) / 1000)
  return live
    .filter((c) => c.name === lastStarted)
    .map((c) => stop(c, Math.max(Math.min(MIN_GRACE_SECONDS, grace), grace - used)))
}

/** Seconds between SIGTERM and SIGKILL; at least one, so that the signal is seen. */
export function podGrace({ pod, local }: PodFacts, verdict: Verdict | undefined): number {
  const own = pod.spec.terminationGracePeriodSeconds ?? 30
  // Whoever took the object away without waiting for the node wants it over with.
  if (local.removed) return Math.max(1, Math.min(REMOVED_GRACE_SECONDS, own))
  return Math.max(1, pod.metadata.deletionGracePeriodSeconds ?? verdict?.graceSeconds ?? own)
}

/**
 * A pod that is deleted is sent to until every proxy has heard of it, and with the API away that takes its time. Up to
 * half of the grace period is spent on waiting for that, so that its containers keep the other half for their own end.
 * Counted from the deletion, however often the agent started since. Who took the object away waits for nothing.
 */
function holdUntil({ pod, local, now }: PodFacts, graceSeconds: number): number | undefined {
  const { deletionTimestamp } = pod.metadata
  if (deletionTimestamp === undefined || local.removed) return undefined
  const graceMs = graceSeconds * 1000
  const since = local.terminatingSince ?? now
  const deletedAt = Date.parse(deletionTimestamp) - graceMs
  const until = (deletedAt < since ? deletedAt : since) + graceMs / 2
  return until > now ? until : undefined
}

const stop = (c: ObservedContainer, graceSeconds: number): Action => ({
  do: 'killContainer',
  id: c.id,
  container: c.name,
  graceSeconds,
  message: `Stopping container ${c.name}`,
})
