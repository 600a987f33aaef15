import {
  age,
  columnOf,
  containerImages,
  containerNames,
  labelText,
  NAME,
  orNone,
  type Printer,
  table,
} from '../table.columns.ts'
import { type ContainerStatus, Pod, PodTemplate } from './pod.ts'

/** What is worth showing of a pod, found in one walk over its containers. */
interface Summary {
  readonly ready: string
  readonly status: string
  readonly restarts: string
}

const isTrue = (pod: Pod, type: string) =>
  pod.status.conditions?.some((c) => c.type === type && c.status === 'True') === true

function summarise(pod: Pod, nowMs: number): Summary {
  const init = walkInit(pod)
  const { status } = pod
  let text = status.reason || status.phase || ''
  if (status.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated'))
    text = 'SchedulingGated'
  if (init.reason !== undefined) text = init.reason
  const total = pod.spec.containers.length + init.sidecars.size
  let { ready } = init
  let { restarts, last } = init
  if (init.reason === undefined || isTrue(pod, 'Initialized')) {
    const main = walkContainers(pod)
    text = main.reason ?? text
    ready += main.ready
    restarts = init.sidecarRestarts + main.restarts
    last = newest(init.sidecarLast, main.last)
    if (text === 'Completed') {
      if (main.running && isTrue(pod, 'Ready')) text = 'Running'
      else if (main.error !== undefined) text = main.error
      else if (main.running) text = 'NotReady'
    }
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') text = 'Unknown'
    else if (status.phase !== 'Failed' && status.phase !== 'Succeeded') text = 'Terminating'
  }
  const ago = restarts > 0 && last !== undefined ? ` (${age(last, nowMs)} ago)` : ''
  return { ready: `${ready}/${total}`, status: text, restarts: `${restarts}${ago}` }
}

/** Init containers in order, up to the first that is not done; it decides what is shown. */
function walkInit(pod: Pod) {
  const sidecars = new Set(
    (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name),
  )
  const walk = {
    sidecars,
    ready: 0,
    restarts: 0,
    sidecarRestarts: 0,
    reason: undefined as string | undefined,
  }
  let last: string | undefined
  let sidecarLast: string | undefined
  const statuses = pod.status.initContainerStatuses ?? []
  for (let i = 0; i < statuses.length && walk.reason === undefined; i++) {
    const status = statuses[i]!
    const sidecar = sidecars.has(status.name)
    const ended = status.lastState?.terminated?.finishedAt
    walk.restarts += status.restartCount
    last = newest(last, ended)
    if (sidecar) {
      walk.sidecarRestarts += status.restartCount
      sidecarLast = newest(sidecarLast, ended)
    }
    if (status.state?.terminated?.exitCode === 0) continue
    if (sidecar && status.started === true) {
      if (status.ready) walk.ready++
      continue
    }
    walk.reason = initReason(status, i, pod.spec.initContainers?.length ?? 0)
  }
  return { ...walk, last, sidecarLast }
}

function initReason({ state }: ContainerStatus, index: number, total: number): string {
  if (state?.terminated) return `Init:${exitReason(state.terminated)}`
  const waiting = state?.waiting?.reason
  return waiting && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${index}/${total}`
}

const exitReason = (t: NonNullable<ContainerStatus['state']['terminated']>) =>
  t.reason || (t.signal ? `Signal:${t.signal}` : `ExitCode:${t.exitCode}`)

function walkContainers(pod: Pod) {
  const walk = { ready: 0, restarts: 0, running: false }
  let reason: string | undefined
  let error: string | undefined
  let last: string | undefined
  const statuses = pod.status.containerStatuses ?? []
  for (let i = statuses.length - 1; i >= 0; i--) {
    const { state, lastState, restartCount, ready } = statuses[i]!
    walk.restarts += restartCount
    last = newest(last, lastState?.terminated?.finishedAt)
    if (state?.waiting?.reason) reason = state.waiting.reason
    else if (state?.terminated) {
      reason = exitReason(state.terminated)
      if (state.terminated.exitCode !== 0) error = reason
    } else if (ready && state?.running) {
      walk.running = true
      walk.ready++
    }
  }
  return { ...walk, reason, error, last }
}

function newest(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? []
  if (gates.length === 0) return '<none>'
  return `${gates.filter((g) => isTrue(pod, g.conditionType)).length}/${gates.length}`
}

const cells = (pod: Pod, nowMs: number) => {
  const { ready, status, restarts } = summarise(pod, nowMs)
  return [
    pod.metadata.name,
    ready,
    status,
    restarts,
    age(pod.metadata.creationTimestamp, nowMs),
    orNone(pod.status.podIPs?.[0]?.ip),
    orNone(pod.spec.nodeName),
    orNone(pod.status.nominatedNodeName),
    readinessGates(pod),
  ]
}

const nothing = () => undefined

export const podTable: Printer<Pod> = {
  kind: Pod,
  columns: [
    columnOf(NAME),
    ...['Ready', 'Status', 'Restarts', 'Age'].map((name) => columnOf([name, nothing])),
    ...['IP', 'Node', 'Nominated Node', 'Readiness Gates'].map((name) =>
      columnOf([name, nothing, 'string', 1]),
    ),
  ],
  cells,
  conditions: ({ status: { phase } }) =>
    phase === 'Succeeded' || phase === 'Failed' ? [{ type: 'Completed', status: 'True', reason: phase }] : [],
}

export const podTemplateTable = table(
  PodTemplate,
  ['Containers', (t) => containerNames(t.template)],
  ['Images', (t) => containerImages(t.template)],
  ['Pod Labels', (t) => labelText(t.template.metadata?.labels)],
)
