import type { PersistentVolume, Pod } from '../../api/index.ts'

/** What a node may read because its pods need it. */
export type NodeResource =
  | 'pods'
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'serviceaccounts'
  | 'resourceclaims'

/**
 * Which node's pods refer to which objects. Counts references, so that the last pod that leaves takes the right with
 * it. Fed with every change of pods and persistent volumes.
 */
export class NodeGraph {
  /** node → reference → how many of its pods refer to it. */
  readonly #references = new Map<string, Map<string, number>>()
  /** secret → persistent volumes that name it for their driver. */
  readonly #volumesOfSecret = new Map<string, Set<string>>()
  /** persistent volume → the claim that holds it. */
  readonly #claimOfVolume = new Map<string, string>()

  /** Replaces a pod by its newer version; undefined: it is not there (any more). */
  setPod(previous: Pod | undefined, pod: Pod | undefined): void {
    const before = previous?.spec.nodeName ? previous : undefined
    const after = pod?.spec.nodeName ? pod : undefined
    if (before && after && before.spec === after.spec && before.status === after.status) return
    // Added first, so that what both refer to never drops to nothing in between.
    if (after) this.#count(after, 1)
    if (before) this.#count(before, -1)
  }

  setVolume(previous: PersistentVolume | undefined, volume: PersistentVolume | undefined): void {
    if (previous) {
      this.#claimOfVolume.delete(previous.metadata.name)
      for (const secret of secretsOfVolume(previous))
        this.#volumesOfSecret.get(secret)?.delete(previous.metadata.name)
    }
    if (!volume) return
    const claim = volume.spec.claimRef
    if (claim?.name) this.#claimOfVolume.set(volume.metadata.name, `${claim.namespace ?? ''}/${claim.name}`)
    for (const secret of secretsOfVolume(volume)) {
      const volumes = this.#volumesOfSecret.get(secret)
      if (volumes) volumes.add(volume.metadata.name)
      else this.#volumesOfSecret.set(secret, new Set([volume.metadata.name]))
    }
  }

  /** Whether a pod on the node refers to the object, directly or (a secret) through the volume it uses. */
  refers(node: string, resource: NodeResource, namespace: string, name: string): boolean {
    const references = this.#references.get(node)
    if (!references) return false
    if (references.has(`${resource} ${namespace}/${name}`)) return true
    if (resource !== 'secrets') return false
    for (const volume of this.#volumesOfSecret.get(`${namespace}/${name}`) ?? []) {
      if (this.refersToVolume(node, volume)) return true
    }
    return false
  }

  refersToVolume(node: string, volume: string): boolean {
    const claim = this.#claimOfVolume.get(volume)
    return (
      claim !== undefined && (this.#references.get(node)?.has(`persistentvolumeclaims ${claim}`) ?? false)
    )
  }

  #count(pod: Pod, step: 1 | -1): void {
    const node = pod.spec.nodeName!
    const references = this.#references.get(node) ?? new Map<string, number>()
    for (const reference of podReferences(pod)) {
      const count = (references.get(reference) ?? 0) + step
      if (count > 0) references.set(reference, count)
      else references.delete(reference)
    }
    if (references.size > 0) this.#references.set(node, references)
    else this.#references.delete(node)
  }
}

/** The pod itself and everything that it needs by name, as `secrets ns/name`; each once. */
export function podReferences(pod: Pod): ReadonlySet<string> {
  const found = new Set<string>()
  const { namespace = '' } = pod.metadata
  const refer = (resource: NodeResource, name: string | undefined) => {
    if (name) found.add(`${resource} ${namespace}/${name}`)
  }
  refer('pods', pod.metadata.name)
  refer('serviceaccounts', pod.spec.serviceAccountName)
  for (const secret of pod.spec.imagePullSecrets ?? []) refer('secrets', secret.name)
  const containers = [
    ...(pod.spec.containers ?? []),
    ...(pod.spec.initContainers ?? []),
    ...(pod.spec.ephemeralContainers ?? []),
  ]
  for (const container of containers) {
    for (const source of container.envFrom ?? []) {
      refer('configmaps', source.configMapRef?.name)
      refer('secrets', source.secretRef?.name)
    }
    for (const variable of container.env ?? []) {
      refer('configmaps', variable.valueFrom?.configMapKeyRef?.name)
      refer('secrets', variable.valueFrom?.secretKeyRef?.name)
    }
  }
  for (const volume of pod.spec.volumes ?? []) {
    refer('secrets', volume.secret?.secretName)
    refer('configmaps', volume.configMap?.name)
    refer('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName)
    if (volume.ephemeral) refer('persistentvolumeclaims', `${pod.metadata.name}-${volume.name}`)
    refer('secrets', volume.csi?.nodePublishSecretRef?.name)
    for (const source of volume.projected?.sources ?? []) {
      refer('secrets', source.secret?.name)
      refer('configmaps', source.configMap?.name)
    }
    for (const legacy of [
      volume.cephfs,
      volume.flexVolume,
      volume.iscsi,
      volume.rbd,
      volume.scaleIO,
      volume.storageos,
    ]) {
      refer('secrets', legacy?.secretRef?.name)
    }
    refer('secrets', volume.azureFile?.secretName)
  }
  for (const claim of pod.spec.resourceClaims ?? []) refer('resourceclaims', claim.resourceClaimName)
  for (const status of pod.status?.resourceClaimStatuses ?? [])
    refer('resourceclaims', status.resourceClaimName)
  return found
}

function secretsOfVolume(volume: PersistentVolume): string[] {
  const { csi } = volume.spec
  if (!csi) return []
  const refs = [
    csi.nodePublishSecretRef,
    csi.nodeStageSecretRef,
    csi.controllerPublishSecretRef,
    csi.controllerExpandSecretRef,
    csi.nodeExpandSecretRef,
  ]
  return refs.flatMap((ref) => (ref?.name ? [`${ref.namespace ?? ''}/${ref.name}`] : []))
}
