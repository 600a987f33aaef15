import type { ContainerStatus, Pod, PodStatus } from '../../api/index.ts'
import { initContainers, isSidecar } from '../spec/resources.ts'
import { shouldRestart } from './restart.ts'

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
      if (shouldRestart(pod, c, end, true)) counts.pending++
      else counts.failed++
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

  if (counts.failed > 0) return 'Failed'
  const mainStarted = regular.some((s) => s.state.running || s.state.terminated || s.lastState.terminated)
  const unstarted = (counts.pending > 0 && !mainStarted) || tally.waiting > 0
  // What ends before all of it could start has failed.
  if (unstarted) return ended ? 'Failed' : 'Pending'
  if (tally.running > 0) return 'Running'
  if (tally.stopped > 0) {
    if (!ended && restarts(pod, regular)) return 'Running'
    if (tally.stopped === tally.succeeded) return 'Succeeded'
    const own = pod.spec.containers.some((c) => c.restartPolicy)
    return ended || own || policy === 'Never' ? 'Failed' : 'Running'
  }
  return 'Pending'
}

/** Whether a container that ended will be started again, by its own policy or that of the pod. */
function restarts(pod: Pod, regular: readonly ContainerStatus[]): boolean {
  return regular.some((s, i) => {
    const end = s.state.running ? undefined : (s.state.terminated ?? s.lastState.terminated)
    return end !== undefined && shouldRestart(pod, pod.spec.containers[i]!, end, false)
  })
}
