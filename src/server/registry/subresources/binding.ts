import { type Binding, conflict, invalid, type Key, Pod } from '../../../api/index.ts'
import { timestamp } from '../../../base/index.ts'
import type { Caller, Registry } from '../registry.ts'

const BINDING = { group: '', plural: 'pods/binding', kind: 'Binding' }

/** pods/binding: gives the pod its node, once. */
export async function bindPod(
  registry: Registry,
  key: Key,
  binding: Binding,
  caller: Caller,
  dryRun: boolean,
): Promise<void> {
  const { target } = binding
  if (!target?.name || (target.kind !== '' && target.kind !== undefined && target.kind !== 'Node')) {
    throw invalid(BINDING, key.name, [
      target?.name
        ? {
            type: 'NotSupported',
            field: 'target.kind',
            value: target.kind,
            detail: 'supported values: "Node", "<empty>"',
          }
        : { type: 'Required', field: 'target.name', detail: '' },
    ])
  }
  const node = target.name
  await registry.admitOnly({
    ...registry.admissionFor(Pod, 'binding', key, caller, dryRun, 'CREATE'),
    object: binding,
  })
  await registry.modify(
    Pod,
    key,
    ({ object }) => {
      const pod = object as Pod
      const refuse = (why: string) => conflict(BINDING, key.name, why)
      const { uid, resourceVersion } = binding.metadata
      if (uid && uid !== pod.metadata.uid)
        throw refuse(
          `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`,
        )
      if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion) {
        throw refuse(
          `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion}`,
        )
      }
      if (pod.metadata.deletionTimestamp)
        throw refuse(`pod ${pod.metadata.name} is being deleted, cannot be assigned to a host`)
      if (pod.spec.nodeName)
        throw refuse(`pod ${pod.metadata.name} is already assigned to node "${pod.spec.nodeName}"`)
      if (pod.spec.schedulingGates?.length)
        throw refuse(`pod ${pod.metadata.name} has non-empty .spec.schedulingGates`)
      return { do: 'write', object: bound(pod, node, binding, timestamp(registry.clock.now())) }
    },
    dryRun,
  )
}

function bound(pod: Pod, node: string, binding: Binding, now: string): Pod {
  const before = pod.status.conditions ?? []
  const others = before.filter((c) => c.type !== 'PodScheduled')
  const { generation } = pod.metadata
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastTransitionTime: now,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  }
  // The node that it was promised does not matter any more.
  const { nominatedNodeName: _, ...status } = pod.status
  const { annotations, labels } = binding.metadata
  const metadata = {
    ...pod.metadata,
    ...(labels ? { labels: { ...pod.metadata.labels, ...labels } } : {}),
    ...(annotations ? { annotations: { ...pod.metadata.annotations, ...annotations } } : {}),
  }
  return {
    ...pod,
    metadata,
    spec: { ...pod.spec, nodeName: node },
    status: { ...status, conditions: [...others, scheduled] },
  } as Pod
}
