import {
  type Api,
  EndpointSlice,
  Endpoints,
  isApiError,
  Namespace,
  PriorityClass,
  Service,
} from '../api/index.ts'
import type { Clock, Log } from '../base/index.ts'
import type { Input, Kind, KubeObject } from '../schema/index.ts'
import type { ObjectReader } from './contracts.ts'
import { addressRange } from './registry/ip-range.ts'
import type { ServiceNetwork } from './registry/services.ts'

export interface BootstrapOptions {
  readonly network: ServiceNetwork
  readonly advertise: { readonly address: string; readonly port: number } | undefined
  readonly clock: Clock
}

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

const PRIORITIES = [
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
]

/** Makes what every cluster begins with, and leaves alone what is there already. */
export async function bootstrap(api: Api, options: BootstrapOptions): Promise<void> {
  await Promise.all(NAMESPACES.map((name) => ensure(api, Namespace, { metadata: { name } })))
  await Promise.all(
    PRIORITIES.map(({ name, value, description }) =>
      ensure(api, PriorityClass, {
        metadata: { name },
        value,
        description,
        preemptionPolicy: 'PreemptLowerPriority',
      }),
    ),
  )
  if (options.advertise) await publishSelf(api, options.network, options.advertise)
}

async function ensure<T extends KubeObject>(api: Api, kind: Kind<T>, object: Input<T>): Promise<void> {
  const { name, namespace } = (object as Input<KubeObject>).metadata as { name: string; namespace?: string }
  try {
    await api.get(kind, { name, namespace })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
    await api.create(kind, object).catch((e) => {
      if (!isApiError(e, 'AlreadyExists')) throw e
    })
  }
}

const RETRY_MS = 1_000

/** Publishes the server again when somebody deletes its Service or endpoints; the returned function ends that. */
export function keepPublished(
  api: Api,
  objects: ObjectReader,
  options: BootstrapOptions,
  log: Log,
): () => void {
  const { network, advertise, clock } = options
  if (!advertise) return () => {}
  let isClosed = false
  let cancel: (() => void) | undefined
  const again = () => {
    cancel?.()
    cancel = clock.after(RETRY_MS, () => {
      publishSelf(api, network, advertise).catch((error) => {
        if (isClosed) return
        log.warn({ err: error }, 'cannot publish the server as Service default/kubernetes; trying again')
        again()
      })
    })
  }
  const isOurs = (object: KubeObject | undefined) =>
    object?.metadata.name === 'kubernetes' && object.metadata.namespace === 'default'
  const stops = [Service, Endpoints, EndpointSlice].map((kind) =>
    objects.subscribe(kind as unknown as Kind, ({ object, previous }) => {
      if (!object && isOurs(previous) && !isClosed) again()
    }),
  )
  return () => {
    isClosed = true
    cancel?.()
    for (const stop of stops) stop()
  }
}

const LABELS = { component: 'apiserver', provider: 'kubernetes' }

/** The `kubernetes` Service in `default`: how pods reach this server. */
async function publishSelf(
  api: Api,
  network: ServiceNetwork,
  { address, port }: { address: string; port: number },
): Promise<void> {
  const metadata = { name: 'kubernetes', namespace: 'default' }
  const { first } = addressRange(network.serviceCidr)
  await ensure(api, Service, {
    metadata: { ...metadata, labels: LABELS },
    spec: {
      type: 'ClusterIP',
      clusterIP: first,
      ports: [{ name: 'https', port: 443, targetPort: port, protocol: 'TCP' }],
    },
  })
  // Nobody but this machine itself could use it, and the API forbids it in endpoints.
  if (address.startsWith('127.')) return
  const subsets = [
    { addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' as const }] },
  ]
  const sliceLabels = { 'kubernetes.io/service-name': 'kubernetes' }
  await put(api, Endpoints, {
    metadata: { ...metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets,
  })
  await put(api, EndpointSlice, {
    metadata: { ...metadata, labels: sliceLabels },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  })
}

/** The server's address may have changed since it last ran. */
async function put<T extends KubeObject>(api: Api, kind: Kind<T>, object: Input<T>): Promise<void> {
  try {
    await api.update(kind, object)
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
    await api.create(kind, object)
  }
}
