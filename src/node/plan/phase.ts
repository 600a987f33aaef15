import type { ContainerStatus, Pod, PodStatus } from '../../api/index.ts'
import { initContainers, isSidecar } from '../spec/resources.ts'

type Phase = NonNullable<PodStatus['phase']>

/** The phase of a pod from the states of its containers. `ended`: nothing runs, and nothing will be started again. */
export function podPhase(
  pod: Pod,
  init: readonly ContainerStatus[],
  regular: readonly ContainerStatus[],
  ended: boolean,
): Phase {
  const policy = pod.spec.restartPolicy ?? 'Always'
  const counts = { pending: 0, failed: 0 }
  initContainers(pod).forEach((c, i) => {
    const s = init[i]
    if (isSidecar(c)) {
      if (!s || (s.state.waiting && !s.lastState.terminated) || (s.state.running && !s.started))
        counts.pending++
      return
    }
    const end = s?.state.terminated ?? (s?.state.waiting ? s.lastState.terminated : undefined)
    if (!end) counts.pending++
    else if (end.exitCode !== 0) {
      if ((c.restartPolicy ?? policy) === 'Never') counts.failed++
      else counts.pending++
    }
  })

  const tally = { running: 0, waiting: 0, stopped: 0, succeeded: 0 }
  const judged = [...regular, ...(ended ? [] : init.filter((_, i) => isSidecar(initContainers(pod)[i]!)))]
  for (const s of judged) {
    if (s.state.running) tally.running++
    else if (s.state.terminated) {
      tally.stopped++
      if (s.state.terminated.exitCode === 0) tally.succeeded++
    } else if (s.lastState.terminated) tally.stopped++
    else tally.waiting++
  }

  if (counts.failed > 0 && policy === 'Never') return 'Failed'
  const mainStarted = regular.some((s) => s.state.running || s.state.terminated || s.lastState.terminated)
  const unstarted = (counts.pending > 0 && !mainStarted) || tally.waiting > 0
  // What ends before all of it could start has failed.
  if (unstarted) return ended ? 'Failed' : 'Pending'
  if (tally.running > 0) return 'Running'
  if (tally.stopped > 0) {
    if (policy === 'Always' && !ended) return 'Running'
    if (tally.stopped === tally.succeeded) return 'Succeeded'
    return ended || policy === 'Never' ? 'Failed' : 'Running'
  }
  return 'Pending'
}
