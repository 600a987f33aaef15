import type { PersistentVolumeClaim } from '../../api/index.ts'
import { type Cycle, FITS, type Plugin, type PreFilter } from '../framework.ts'
import { interest } from '../queue/events.ts'
import { selectorTest } from './node-selector.ts'

const CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
const BOUND = 'pv.kubernetes.io/bind-completed'

/** A pod runs once all its claims are bound, on nodes that can reach their volumes. */
export const volumeBinding: Plugin = {
  name: 'VolumeBinding',
  scope: 'shape',
  events: [
    interest('VolumesChanged', (_, { claim }, shape) => {
      if (!claim) return true
      return claim.namespace === shape.namespace && shape.claims.some((c) => c.name === claim.name)
    }),
    interest('NodeAdded'),
    interest('NodeUpdated', (_, { changes }) => changes.includes('Labels')),
  ],
  preFilter(cycle) {
    const { claims, namespace } = cycle.shape
    if (claims.length === 0) return undefined
    const { volumes, nodes } = cycle.snapshot
    const tests: ReturnType<typeof selectorTest>[] = []
    let unbound = false
    for (const { name, ephemeral } of claims) {
      const claim = volumes.claim(namespace, name)
      const problem = problemOf(claim, name, ephemeral)
      if (problem !== undefined) return { reject: problem, hopeless: true }
      if (!isBound(claim!)) {
        unbound = true
        continue
      }
      const volume = volumes.volume(claim!.spec.volumeName!)
      if (!volume) return { reject: `persistentvolume "${claim!.spec.volumeName}" not found`, hopeless: true }
      const required = volume.spec.nodeAffinity?.required
      if (required) tests.push(selectorTest(required))
    }
    if (unbound) return { reject: 'pod has unbound immediate PersistentVolumeClaims', hopeless: true }
    return tests.length === 0 ? undefined : reachable(cycle, tests, nodes)
  },
}

function reachable(
  cycle: Cycle,
  tests: readonly ReturnType<typeof selectorTest>[],
  nodes: Cycle['snapshot']['nodes'],
): PreFilter {
  const no = cycle.reject(volumeBinding, [CONFLICT], true)
  return { filter: (slot) => (tests.every((test) => test(nodes.node(slot)!)) ? FITS : no) }
}

function problemOf(
  claim: PersistentVolumeClaim | undefined,
  name: string,
  ephemeral: boolean,
): string | undefined {
  if (!claim) {
    return ephemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
      : `persistentvolumeclaim "${name}" not found`
  }
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`
  }
  if (claim.metadata.deletionTimestamp) return `persistentvolumeclaim "${name}" is being deleted`
  return undefined
}

function isBound(claim: PersistentVolumeClaim): boolean {
  if (!claim.spec.volumeName) return false
  return claim.status?.phase === 'Bound' || claim.metadata.annotations?.[BOUND] !== undefined
}
