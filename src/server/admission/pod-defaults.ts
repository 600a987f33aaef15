import { Namespace, Pod, PriorityClass, type Toleration } from '../../api/index.ts'
import { type AdmissionPlugin, createdPod, isAbout, type Lookup, refuse } from './plugin.ts'

const DEFAULT_TOLERATIONS: readonly Toleration[] = [
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
].map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }))

/** A pod stays five minutes on a node in trouble unless it says otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  admit(request) {
    if (!isAbout(request, Pod) || (request.operation !== 'CREATE' && request.operation !== 'UPDATE'))
      return request.object
    const pod = request.object as Pod
    const own = pod.spec.tolerations ?? []
    const added =
      own.length === 0
        ? DEFAULT_TOLERATIONS
        : DEFAULT_TOLERATIONS.filter(({ key }) => !own.some((t) => toleratesEviction(t, key)))
    if (added.length === 0) return pod
    const tolerations = own.length === 0 ? added : [...own, ...added]
    return { ...pod, spec: { ...pod.spec, tolerations } }
  },
}

const toleratesEviction = (toleration: Toleration, key: string | undefined) =>
  (!toleration.key || toleration.key === key) && (!toleration.effect || toleration.effect === 'NoExecute')

/** Classes that exist in every cluster, should their objects not be there yet. */
const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}

/** Fills a pod's priority and preemption policy from its priority class; there is at most one default class. */
export function priority(objects: Lookup): AdmissionPlugin {
  return {
    name: 'Priority',
    admit(request) {
      const pod = createdPod(request)
      if (!pod) return keptPriority(request)
      const wanted = priorityOf(pod, objects)
      if (wanted === undefined)
        throw refuse(request, `no PriorityClass with name ${pod.spec.priorityClassName} was found`)
      const { priority: given, preemptionPolicy: policy } = pod.spec
      if (given !== undefined && given !== wanted.value) {
        throw refuse(
          request,
          `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${wanted.value} from the given PriorityClass name`,
        )
      }
      if (policy !== undefined && policy !== wanted.preemptionPolicy) {
        throw refuse(
          request,
          `the string value of PreemptionPolicy (${policy}) must not be provided in pod spec; priority admission controller computed ${wanted.preemptionPolicy} from the given PriorityClass name`,
        )
      }
      return {
        ...pod,
        spec: {
          ...pod.spec,
          ...(wanted.className === '' ? {} : { priorityClassName: wanted.className }),
          priority: wanted.value,
          preemptionPolicy: wanted.preemptionPolicy,
        },
      }
    },
    validate(request) {
      if (
        !isAbout(request, PriorityClass) ||
        (request.operation !== 'CREATE' && request.operation !== 'UPDATE')
      )
        return
      const object = request.object as PriorityClass
      if (!object.globalDefault) return
      const other = objects
        .list(PriorityClass)
        .find((c) => c.globalDefault && c.metadata.name !== object.metadata.name)
      if (other) {
        throw refuse(
          request,
          `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
        )
      }
    },
  }
}

type PriorityRequest = Parameters<NonNullable<AdmissionPlugin['admit']>>[0]

/** An update that leaves the computed fields out means to keep them. */
function keptPriority(request: PriorityRequest): PriorityRequest['object'] {
  if (request.operation !== 'UPDATE' || !isAbout(request, Pod)) return request.object
  const pod = request.object as Pod
  const old = request.old as Pod
  const kept = {
    ...(pod.spec.priority === undefined && old.spec.priority !== undefined
      ? { priority: old.spec.priority }
      : {}),
    ...(pod.spec.preemptionPolicy === undefined && old.spec.preemptionPolicy !== undefined
      ? { preemptionPolicy: old.spec.preemptionPolicy }
      : {}),
  }
  if (Object.keys(kept).length === 0) return pod
  const changed: Pod = { ...pod, spec: { ...pod.spec, ...kept } }
  return changed
}

interface ComputedPriority {
  readonly className: string
  readonly value: number
  readonly preemptionPolicy: string
}

function priorityOf(pod: Pod, objects: Lookup): ComputedPriority | undefined {
  const named = pod.spec.priorityClassName ?? ''
  const found = named === '' ? defaultClass(objects) : objects.get(PriorityClass, undefined, named)
  if (found) {
    return {
      className: found.metadata.name,
      value: found.value,
      preemptionPolicy: found.preemptionPolicy ?? 'PreemptLowerPriority',
    }
  }
  if (named === '') return { className: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' }
  const system = Object.hasOwn(SYSTEM_CLASSES, named) ? SYSTEM_CLASSES[named] : undefined
  return system === undefined
    ? undefined
    : { className: named, value: system, preemptionPolicy: 'PreemptLowerPriority' }
}

/** Should there be several all the same, the one of the lowest value. */
function defaultClass(objects: Lookup): PriorityClass | undefined {
  let lowest: PriorityClass | undefined
  for (const candidate of objects.list(PriorityClass)) {
    if (candidate.globalDefault && (lowest === undefined || candidate.value < lowest.value))
      lowest = candidate
  }
  return lowest
}

const NODE_SELECTOR = 'scheduler.alpha.kubernetes.io/node-selector'

/** A namespace may fix where its pods run: annotation `scheduler.alpha.kubernetes.io/node-selector: "disk=ssd,zone=a"`. */
export function podNodeSelector(objects: Lookup): AdmissionPlugin {
  return {
    name: 'PodNodeSelector',
    admit(request) {
      const pod = createdPod(request)
      const annotation =
        pod &&
        objects.get(Namespace, undefined, request.namespace ?? '')?.metadata.annotations?.[NODE_SELECTOR]
      if (!pod || !annotation) return request.object
      const wanted = parseSelector(annotation)
      if (wanted === undefined) {
        throw refuse(
          request,
          `cannot read annotation ${NODE_SELECTOR} of namespace ${request.namespace}: expected "key=value,…", got ${JSON.stringify(annotation)}`,
        )
      }
      const own = pod.spec.nodeSelector ?? {}
      if (Object.entries(wanted).some(([key, value]) => Object.hasOwn(own, key) && own[key] !== value)) {
        throw refuse(request, 'pod node label selector conflicts with its namespace node label selector')
      }
      return { ...pod, spec: { ...pod.spec, nodeSelector: { ...wanted, ...own } } }
    },
  }
}

function parseSelector(text: string): Record<string, string> | undefined {
  const terms = text
    .split(',')
    .map((term) => term.trim())
    .filter((term) => term !== '')
  const pairs = terms.map((term) => term.split('=').map((part) => part.trim()))
  return pairs.some((pair) => pair.length !== 2 || pair[0] === '') ? undefined : Object.fromEntries(pairs)
}
