import type { Container, Pod } from '../../api/index.ts'
import type { ObservedContainer, ObservedSandbox } from '../runtime/runtime.ts'
import { CONTAINER_HASH, containerHash, RESOURCES, resourcesText } from '../spec/labels.ts'
import { initContainers, isSidecar } from '../spec/resources.ts'
import { type Action, actionKey, asStarted, imageKey, type PodFacts, type Verdict } from './facts.ts'
import { attemptAfter, restartAfter, shouldRestart } from './restart.ts'
import { planTermination } from './terminate.ts'

export const DEADLINE_EXCEEDED = 'DeadlineExceeded'

export interface PodPlan {
  readonly actions: readonly Action[]
  /** When to look again though nothing happens, in milliseconds since 1970. */
  readonly wakeAt: number | undefined
  /** The pod is ending or has ended, and will not start anything any more. */
  readonly terminal: boolean
  readonly verdict: Verdict | undefined
}

/** What to do next for a pod. Actions under way are not repeated. */
export function planPod(facts: PodFacts): PodPlan {
  const verdict = verdictOf(facts)
  const plan = ends(facts, verdict) ? planTermination(facts, verdict) : planRunning(asStarted(facts))
  const deadline = deadlineOf(facts)
  return {
    ...plan,
    actions: plan.actions.filter((a) => !facts.local.inFlight.has(actionKey(a))),
    wakeAt:
      deadline !== undefined && deadline > facts.now
        ? Math.min(plan.wakeAt ?? deadline, deadline)
        : plan.wakeAt,
  }
}

function deadlineOf({ pod, local }: PodFacts): number | undefined {
  const seconds = pod.spec.activeDeadlineSeconds
  return seconds === undefined ? undefined : local.startTime + seconds * 1000
}

function verdictOf(facts: PodFacts): Verdict | undefined {
  if (facts.local.verdict) return facts.local.verdict
  const deadline = deadlineOf(facts)
  if (deadline !== undefined && facts.now >= deadline && facts.pod.status.phase !== 'Succeeded') {
    return {
      phase: 'Failed',
      reason: DEADLINE_EXCEEDED,
      message: 'Pod was active on the node longer than the specified deadline',
    }
  }
  return undefined
}

function ends({ pod, local }: PodFacts, verdict: Verdict | undefined): boolean {
  return (
    local.removed || pod.metadata.deletionTimestamp !== undefined || verdict !== undefined || isFinished(pod)
  )
}

const isFinished = (pod: Pod): boolean => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed'

interface Draft {
  readonly actions: Action[]
  wakeAt: number | undefined
}

function planRunning(facts: PodFacts): PodPlan {
  const { pod, observed } = facts
  const newest = observed.sandboxes[0]
  const sandbox = newest?.ready && (pod.spec.hostNetwork || newest.ips.length > 0) ? newest : undefined
  const draft: Draft = { actions: [], wakeAt: undefined }
  const outcome = planContainers(facts, sandbox, draft)
  if (outcome === 'done') return planTermination(facts, undefined)

  // Only the newest counts; an older one that still stands is a leftover of a failed start.
  for (const old of observed.sandboxes.slice(1))
    if (old.ready) draft.actions.push({ do: 'stopSandbox', id: old.id })
  if (!sandbox) {
    replaceSandbox(facts, newest, draft)
    const needed = draft.actions.some((a) => a.do === 'startContainer') || draft.wakeAt !== undefined
    const blocked = draft.actions.some((a) => a.do === 'killContainer' || a.do === 'stopSandbox')
    if (needed && !blocked)
      draft.actions.push({ do: 'createSandbox', attempt: newest ? newest.attempt + 1 : 0 })
  }
  return { actions: settle(facts, sandbox, draft), wakeAt: draft.wakeAt, terminal: false, verdict: undefined }
}

/** Of the starts that are wanted, those for which all is ready; the others turn into getting their image. */
function settle({ local, now }: PodFacts, sandbox: ObservedSandbox | undefined, draft: Draft): Action[] {
  const out: Action[] = []
  for (const action of draft.actions) {
    if (action.do !== 'startContainer') {
      out.push(action)
      continue
    }
    const failure = local.failures.get(action.container)
    if (failure && failure.retryAt > now) {
      wake(
        draft,
        failure.later && failure.at + LATER_MS > now
          ? Math.min(failure.at + LATER_MS, failure.retryAt)
          : failure.retryAt,
      )
      continue
    }
    if (!local.images.has(imageKey(action.container, action.attempt))) {
      out.push({ do: 'ensureImage', container: action.container, attempt: action.attempt })
    } else if (sandbox && local.volumesReady) {
      out.push(action)
    }
  }
  return out
}

/** How long a failure is shown as such before it is shown as waiting for the next try. */
export const LATER_MS = 5_000

function wake(draft: Draft, at: number): void {
  draft.wakeAt = draft.wakeAt === undefined ? at : Math.min(draft.wakeAt, at)
}

/** A sandbox that ended takes its containers with it before another one is made. */
function replaceSandbox(
  { pod, observed, local }: PodFacts,
  newest: ObservedSandbox | undefined,
  draft: Draft,
): void {
  if (!newest || local.inFlight.has('createSandbox')) return
  const left = observed.containers.filter((c) => c.state === 'running' || c.state === 'unknown')
  for (const c of left)
    draft.actions.push(
      kill(
        c,
        pod.spec.terminationGracePeriodSeconds ?? 30,
        'Pod sandbox changed, it will be killed and re-created.',
      ),
    )
  if (left.length === 0 && newest.ready) draft.actions.push({ do: 'stopSandbox', id: newest.id })
}

const kill = (c: ObservedContainer, graceSeconds: number, message: string): Action => ({
  do: 'killContainer',
  id: c.id,
  container: c.name,
  graceSeconds,
  message,
})

/** Adds what the containers need; 'done' when all of them have ended for good. */
function planContainers(
  facts: PodFacts,
  sandbox: ObservedSandbox | undefined,
  draft: Draft,
): 'going' | 'done' {
  const { pod, observed } = facts
  const latest = (name: string) => observed.containers.find((c) => c.name === name)
  const current = (name: string) => {
    const c = latest(name)
    return c && sandbox && c.sandboxId === sandbox.id ? c : undefined
  }
  const context: Context = { facts, sandboxId: sandbox?.id ?? '', latest, current, draft }
  const mainStarted = pod.spec.containers.some((c) => current(c.name))
  const regularDone = pod.spec.containers.every((c) => {
    const last = latest(c.name)
    return last?.state === 'exited' && !shouldRestart(pod, c, last, false)
  })
  if (regularDone) return 'done'

  const init = planInit(context, mainStarted)
  if (init === 'failed') return 'done'
  if (init === 'complete') planRegular(context)
  planEphemeral(context)
  return 'going'
}

interface Context {
  readonly facts: PodFacts
  readonly sandboxId: string
  readonly latest: (name: string) => ObservedContainer | undefined
  readonly current: (name: string) => ObservedContainer | undefined
  readonly draft: Draft
}

/** Init containers run one after the other; a sidecar among them only has to have started. */
function planInit(context: Context, mainStarted: boolean): 'complete' | 'going' | 'failed' {
  const { facts, current } = context
  const all = initContainers(facts.pod)
  for (const [i, c] of all.entries()) {
    const seen = current(c.name)
    if (isSidecar(c)) {
      planOne(context, c, true)
      const up = seen?.state === 'running' && facts.local.probes(seen).started
      if (!up && !mainStarted) return 'going'
      continue
    }
    // What came later proves that this one had ended well, even if its remains are gone.
    if (mainStarted || all.slice(i + 1).some((later) => current(later.name))) continue
    if (seen?.state === 'exited' && seen.exitCode === 0) continue
    if (seen?.state === 'exited' && !shouldRestart(facts.pod, c, seen, true)) return 'failed'
    planOne(context, c, true)
    return 'going'
  }
  return 'complete'
}

/** In their order: while one with a postStart handler is starting, those after it are not started. */
function planRegular(context: Context): void {
  const { facts, current, draft } = context
  let held = false
  for (const c of facts.pod.spec.containers) {
    if (held && !current(c.name)) continue
    planOne(context, c, false)
    held ||= c.lifecycle?.postStart !== undefined && isStarting(facts, draft, c.name)
  }
}

/** On its way to run. One whose start has failed, and waits for the next try, is not. */
function isStarting({ local, now }: PodFacts, draft: Draft, name: string): boolean {
  if (local.inFlight.has(`startContainer:${name}`) || local.inFlight.has(`ensureImage:${name}`)) return true
  const failure = local.failures.get(name)
  if (failure && failure.retryAt > now) return false
  return draft.actions.some((a) => a.do === 'startContainer' && a.container === name)
}

function planOne(context: Context, container: Container, isInit: boolean): void {
  const { facts, latest, current, draft, sandboxId } = context
  const { pod, now, local } = facts
  const last = latest(container.name)
  const seen = current(container.name)
  const start = (attempt: number, backoffMs: number): void => {
    draft.actions.push({ do: 'startContainer', container: container.name, attempt, backoffMs, sandboxId })
  }
  if (!last) {
    start(attemptFromStatus(pod, container.name), 0)
    return
  }
  if (!seen && (last.state === 'running' || last.state === 'unknown')) return
  switch (last.state) {
    case 'running': {
      const why = killReason(facts, container, last, isInit)
      if (why) draft.actions.push(kill(last, why.graceSeconds, why.message))
      else if (wantsResize(facts, container, last))
        draft.actions.push({ do: 'resizeContainer', id: last.id, container: container.name })
      return
    }
    case 'created':
      // Left behind by an agent that ended between creating and starting it.
      if (local.inFlight.has(`startContainer:${container.name}`)) return
      draft.actions.push({ do: 'removeContainer', id: last.id })
      return
    case 'unknown':
      draft.actions.push(
        kill(last, 1, `Container ${container.name} is in unknown state, try killing it before restart`),
      )
      return
    case 'exited': {
      // In a new sandbox, ordinary init containers run again, whatever became of them before.
      const again = (isInit && !isSidecar(container) && !seen) || shouldRestart(pod, container, last, isInit)
      if (!again) return
      const next = restartAfter(last)
      if (now < next.at) wake(draft, next.at)
      else start(last.attempt + 1, next.nextDelayMs)
      return
    }
    default:
      last.state satisfies never
  }
}

/** The resources a container runs with; undefined: it was made by somebody who did not say. */
export function resourcesNow({ local }: PodFacts, seen: ObservedContainer): string | undefined {
  return local.resized.get(seen.id) ?? seen.annotations[RESOURCES]
}

function wantsResize(facts: PodFacts, container: Container, seen: ObservedContainer): boolean {
  const now = resourcesNow(facts, seen)
  return now !== undefined && now !== resourcesText(container) && facts.local.resizeProblem === undefined
}

/** The resource that has changed and that this container takes only with a restart. */
function restartsForResize(facts: PodFacts, container: Container, seen: ObservedContainer): boolean {
  if (!wantsResize(facts, container, seen)) return false
  const before = JSON.parse(resourcesNow(facts, seen)!) as Record<string, Record<string, string>>
  return (container.resizePolicy ?? []).some(({ resourceName: name, restartPolicy }) => {
    const { requests, limits } = container.resources ?? {}
    return (
      restartPolicy === 'RestartContainer' &&
      (before.requests?.[name] !== requests?.[name] || before.limits?.[name] !== limits?.[name])
    )
  })
}

/** Where the runtime has nothing left of a container, the status still knows how often it was started. */
function attemptFromStatus(pod: Pod, name: string): number {
  const known = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])].find(
    (s) => s.name === name,
  )
  return attemptAfter(known)
}

function killReason(
  facts: PodFacts,
  container: Container,
  seen: ObservedContainer,
  isInit: boolean,
): { readonly message: string; readonly graceSeconds: number } | undefined {
  const { pod, local } = facts
  const grace = pod.spec.terminationGracePeriodSeconds ?? 30
  const ending = shouldRestart(pod, container, { exitCode: 137 }, isInit) ? ', will be restarted' : ''
  const hash = seen.annotations[CONTAINER_HASH]
  if (hash !== undefined && hash !== containerHash(container)) {
    return { message: `Container ${container.name} definition changed${ending}`, graceSeconds: grace }
  }
  if (restartsForResize(facts, container, seen)) {
    return { message: `Container ${container.name} resize requires restart${ending}`, graceSeconds: grace }
  }
  const { failed } = local.probes(seen)
  if (!failed) return undefined
  const probe = failed === 'liveness' ? container.livenessProbe : container.startupProbe
  return {
    message: `Container ${container.name} failed ${failed} probe${ending}`,
    graceSeconds: probe?.terminationGracePeriodSeconds ?? grace,
  }
}

/** Ephemeral containers start once, after the others, and are left alone. */
function planEphemeral({ facts, latest, draft, sandboxId }: Context): void {
  for (const c of facts.pod.spec.ephemeralContainers ?? []) {
    if (!latest(c.name))
      draft.actions.push({ do: 'startContainer', container: c.name, attempt: 0, backoffMs: 0, sandboxId })
  }
}
