import { EndpointSlice, Endpoints, Node, Pod, Service } from '../../api/index.ts'
import { keyText } from '../../client/index.ts'
import { defineController, each, index, type Trigger, trigger, type View } from '../runtime/index.ts'
import { ENDPOINTS_CONTROLLER, ENDPOINTS_MANAGED_BY, planEndpoints } from './endpoints-plan.ts'
import { isManaged, isOtherEndpoint, selectsPod, zoneOf } from './members.ts'
import { MANAGED_BY, planSlices, SERVICE_NAME, SLICE_CONTROLLER } from './slices-plan.ts'

const BY_SERVICE = 'service'

const onPods: Trigger = trigger(Pod, selecting, isOtherEndpoint)

/** Keeps the EndpointSlices of each Service that has a selector. */
export const endpointSlices = defineController({
  name: 'endpointslice',
  reads: [Service, Pod, Node, EndpointSlice],
  writes: [{ kind: EndpointSlice, verbs: ['create', 'update', 'delete'] }],
  indexes: [index(EndpointSlice, BY_SERVICE, byService)],
  on: [
    each(Service),
    onPods,
    trigger(EndpointSlice, serviceOf),
    trigger(Node, onNode, (now, old) => zoneOf(now) !== zoneOf(old)),
  ],
  observe: (key, view) => {
    const service = view.get(Service, key)
    if (!service || !isManaged(service)) return undefined
    return {
      service,
      pods: selected(service, view),
      slices: [...view.byIndex(EndpointSlice, BY_SERVICE, keyText(key))],
      nodeOf: (name) => view.get(Node, { name }),
    }
  },
  plan: planSlices,
})

/** Keeps the Endpoints object of each Service that has a selector. */
export const endpoints = defineController({
  name: 'endpoints',
  serviceAccount: 'endpoint-controller',
  reads: [Service, Pod, Endpoints],
  writes: [{ kind: Endpoints, verbs: ['create', 'update', 'delete'] }],
  on: [each(Service), onPods, trigger(Endpoints, managed)],
  observe: (key, view) => {
    const service = view.get(Service, key)
    if (service && !isManaged(service)) return undefined
    return { service, pods: service ? selected(service, view) : [], endpoints: view.get(Endpoints, key) }
  },
  plan: planEndpoints,
})

function* selecting(pod: Pod, view: View): Iterable<string> {
  for (const service of view.list(Service, pod.metadata.namespace)) {
    if (isManaged(service) && selectsPod(service, pod)) yield keyText(service.metadata)
  }
}

function selected(service: Service, view: View): Pod[] {
  const pods: Pod[] = []
  for (const pod of view.list(Pod, service.metadata.namespace)) if (selectsPod(service, pod)) pods.push(pod)
  return pods
}

/** Only slices that this controller makes count as its own. */
function byService({ metadata: { namespace, labels } }: EndpointSlice): readonly string[] {
  const name = labels?.[SERVICE_NAME]
  return name && labels[MANAGED_BY] === SLICE_CONTROLLER ? [keyText({ namespace, name })] : []
}

function serviceOf(slice: EndpointSlice): readonly string[] {
  return byService(slice)
}

/** A node that appears, goes or moves to another zone concerns the Services of its pods. */
function* onNode(node: Node, view: View): Iterable<string> {
  const keys = new Set<string>()
  for (const pod of view.list(Pod)) {
    if (pod.spec.nodeName !== node.metadata.name) continue
    for (const key of selecting(pod, view)) keys.add(key)
  }
  yield* keys
}

/** Endpoints that somebody else keeps, for a Service without selector or none at all, are theirs. */
function* managed(endpoints: Endpoints, view: View): Iterable<string> {
  const { labels } = endpoints.metadata
  const ours = labels?.[ENDPOINTS_MANAGED_BY] === ENDPOINTS_CONTROLLER
  if (ours || view.get(Service, endpoints.metadata)) yield keyText(endpoints.metadata)
}

export { endpointMirror } from './mirror.ts'
