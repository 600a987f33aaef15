import { type Pod, ServiceAccount, type Volume, type VolumeMount } from '../../api/index.ts'
import { type Clock, flat, type Random } from '../../base/index.ts'
import { type AdmissionPlugin, createdPod, isMirror, type LiveLookup, refuse } from './plugin.ts'

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
const VOLUME_PREFIX = 'kube-api-access-'
/** An hour, and seven seconds by which one sees in a token that nobody asked for a time. */
const TOKEN_LIFETIME_S = 3607
const ACCOUNT_WAIT_MS = 2000

/** Every pod runs as a service account of its namespace and, unless it declines, finds its token mounted. */
export function serviceAccounts(
  objects: LiveLookup,
  clock: Clock,
  random: Pick<Random, 'suffix'>,
): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    admit(request) {
      const pod = createdPod(request)
      if (!pod) return request.object
      if (isMirror(pod)) {
        const wrong = mirrorProblem(pod)
        if (wrong) throw refuse(request, wrong)
        return pod
      }
      const name = pod.spec.serviceAccountName || 'default'
      const dress = (account: ServiceAccount | undefined): Pod => {
        if (account) return withServiceAccount(pod, account, () => flat(VOLUME_PREFIX + random.suffix(5)))
        const who = `${request.namespace}/${name}`
        throw refuse(request, `error looking up service account ${who}: serviceaccount "${name}" not found`)
      }
      const account = objects.get(ServiceAccount, request.namespace, name)
      // A new namespace gets this one a moment after it: pods that come with their namespace wait for it.
      if (account === undefined && name === 'default')
        return appearing(objects, clock, request.namespace!, name).then(dress)
      return dress(account)
    },
  }
}

/** The service account as soon as it is there; undefined when it does not come. */
function appearing(
  objects: LiveLookup,
  clock: Clock,
  namespace: string,
  name: string,
): Promise<ServiceAccount | undefined> {
  return new Promise((resolve) => {
    const settle = (account: ServiceAccount | undefined) => {
      cancel()
      stop()
      resolve(account)
    }
    const cancel = clock.after(ACCOUNT_WAIT_MS, () => settle(undefined))
    const stop = objects.subscribe(ServiceAccount, ({ object }) => {
      if (object?.metadata.name === name && object.metadata.namespace === namespace) settle(object)
    })
  })
}

/** The pod as that account: its name, its image pull secrets where the pod has none, its token mounted. */
function withServiceAccount(pod: Pod, account: ServiceAccount, volumeName: () => string): Pod {
  const { name } = account.metadata
  const pullSecrets = pod.spec.imagePullSecrets?.length ? pod.spec.imagePullSecrets : account.imagePullSecrets
  const spec = {
    ...pod.spec,
    serviceAccountName: name,
    serviceAccount: name,
    ...(pullSecrets?.length ? { imagePullSecrets: pullSecrets } : {}),
  }
  const automount = pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true
  return { ...pod, spec: automount ? withToken(spec, volumeName) : spec }
}

function withToken(spec: Pod['spec'], volumeName: () => string): Pod['spec'] {
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(VOLUME_PREFIX))?.name
  let made: string | undefined
  const mount = (): VolumeMount => {
    made ??= existing ?? volumeName()
    return { name: made, readOnly: true, mountPath: MOUNT_PATH } as VolumeMount
  }
  const withMount = <C extends { readonly volumeMounts?: readonly VolumeMount[] | undefined }>(
    container: C,
  ): C =>
    container.volumeMounts?.some((m) => m.mountPath === MOUNT_PATH)
      ? container
      : { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount()] }
  const initContainers = spec.initContainers?.map(withMount)
  const containers = spec.containers.map(withMount)
  const mounted = { ...spec, ...(initContainers ? { initContainers } : {}), containers }
  if (made === undefined || made === existing) return mounted
  return { ...mounted, volumes: [...(spec.volumes ?? []), tokenVolume(made)] }
}

/** The same in every pod, and kept once for all of them. */
const TOKEN_SOURCES = {
  defaultMode: 0o644,
  sources: [
    { serviceAccountToken: { expirationSeconds: TOKEN_LIFETIME_S, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: {
        items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
      },
    },
  ],
} as const

function tokenVolume(name: string): Volume {
  return { name, projected: TOKEN_SOURCES }
}

/** A mirror pod only shows what runs: it may not pull the cluster's secrets onto the node. */
function mirrorProblem(pod: Pod): string | undefined {
  if (pod.spec.serviceAccountName) return 'a mirror pod may not reference service accounts'
  const volumes = pod.spec.volumes ?? []
  if (volumes.some((v) => v.secret || v.projected?.sources?.some((s) => s.secret)))
    return 'a mirror pod may not reference secrets'
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
  const refers = containers.some(
    (c) => c.env?.some((e) => e.valueFrom?.secretKeyRef) || c.envFrom?.some((e) => e.secretRef),
  )
  if (refers) return 'a mirror pod may not reference secrets'
  if (volumes.some((v) => v.projected?.sources?.some((s) => s.serviceAccountToken))) {
    return 'a mirror pod may not use ServiceAccountToken volume projections'
  }
  return undefined
}
