import type { ContainerStatus, Pod, PodCondition, PodStatus } from '../../api/index.ts'
import { initContainers, isSidecar } from '../spec/resources.ts'
import type { Verdict as EndOfPod } from './facts.ts'

interface Summary {
  readonly phase: NonNullable<PodStatus['phase']>
  readonly init: readonly ContainerStatus[]
  readonly regular: readonly ContainerStatus[]
  readonly readyToStart: boolean
}

type Verdict = { readonly status: 'True' | 'False'; readonly reason?: string; readonly message?: string }

/** A change of resources that is not done yet. */
export interface ResizeState {
  readonly type: 'PodResizePending' | 'PodResizeInProgress'
  readonly reason?: string
  readonly message?: string
}

/** The conditions a node sets. A condition that keeps its status keeps its time of transition. */
export function podConditions(
  pod: Pod,
  summary: Summary,
  now: string,
  resize?: ResizeState,
  end?: EndOfPod,
): readonly PodCondition[] {
  const containersReady = containersReadyOf(pod, summary)
  const verdicts: readonly (readonly [string, Verdict])[] = [
    ['PodReadyToStartContainers', { status: summary.readyToStart ? 'True' : 'False' }],
    ['Initialized', initializedOf(pod, summary)],
    ['Ready', readyOf(pod, summary, containersReady)],
    ['ContainersReady', containersReady],
    ...(resize ? [[resize.type, { status: 'True', ...resize }] as const] : []),
    ...(end?.disrupted
      ? [
          [
            'DisruptionTarget',
            { status: 'True', reason: 'TerminationByKubelet', message: end.message },
          ] as const,
        ]
      : []),
  ]
  const before = new Map((pod.status.conditions ?? []).map((c) => [c.type as string, c]))
  const ours = verdicts.map(([type, verdict]) => {
    const old = before.get(type)
    return {
      type,
      status: verdict.status,
      ...(verdict.reason ? { reason: verdict.reason } : {}),
      ...(verdict.message ? { message: verdict.message } : {}),
      lastTransitionTime:
        old?.status === verdict.status && old.lastTransitionTime ? old.lastTransitionTime : now,
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    } as PodCondition
  })
  if (before.get('PodScheduled')?.status === 'True') return ours
  // A pod that was given its node by hand: being here is proof that it was scheduled.
  return [...ours, { type: 'PodScheduled', status: 'True', lastTransitionTime: now } as PodCondition]
}

function initializedOf(pod: Pod, { phase, init, regular }: Summary): Verdict {
  const unready: string[] = []
  initContainers(pod).forEach((c, i) => {
    const s = init[i]
    const ok = isSidecar(c) ? s?.started === true || s?.state.terminated !== undefined : s?.ready === true
    if (!ok) unready.push(c.name)
  })
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' }
  const mainStarted = regular.some((s) => s.state.running || s.state.terminated || s.lastState.terminated)
  if (unready.length === 0 || mainStarted) return { status: 'True' }
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${unready.join(' ')}]`,
  }
}

function containersReadyOf(pod: Pod, { phase, init, regular }: Summary): Verdict {
  const sidecars = init.filter((_, i) => isSidecar(initContainers(pod)[i]!))
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const unready = [...sidecars, ...regular].filter((s) => !s.ready).map((s) => s.name)
  if (unready.length === 0) return { status: 'True' }
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  }
}

function readyOf(pod: Pod, _: Summary, containersReady: Verdict): Verdict {
  if (containersReady.status === 'False') return containersReady
  const problems: string[] = []
  for (const gate of pod.spec.readinessGates ?? []) {
    const condition = pod.status.conditions?.find((c) => c.type === gate.conditionType)
    if (!condition)
      problems.push(`corresponding condition of pod readiness gate "${gate.conditionType}" does not exist.`)
    else if (condition.status !== 'True')
      problems.push(
        `the status of pod readiness gate "${gate.conditionType}" is not "True", but ${condition.status}`,
      )
  }
  return problems.length === 0
    ? { status: 'True' }
    : { status: 'False', reason: 'ReadinessGatesNotReady', message: problems.join(', ') }
}
