import type { EndpointSlice, Service } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'

type ServiceInput = Input<Service>
type EndpointInput = NonNullable<Input<EndpointSlice>['endpoints']>[number]

const CREATED = '2026-01-01T00:00:00Z'

export interface SomePort {
  readonly name?: string
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
  readonly targetPort?: number
  readonly nodePort?: number
}

/** A Service as the server would have stored it. */
export function aService(
  name: string,
  clusterIP: string,
  ports: readonly SomePort[] = [{ port: 80 }],
  spec: ServiceInput['spec'] = {},
  rest: Omit<ServiceInput, 'spec'> = {},
): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    ...rest,
    metadata: {
      namespace: 'default',
      name,
      uid: `uid-${name}`,
      resourceVersion: '1',
      creationTimestamp: CREATED,
      ...rest.metadata,
    },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: ports.map((p) => ({ protocol: 'TCP', ...p })),
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...spec,
    },
    status: { loadBalancer: {}, ...rest.status },
  } as Service
}

/** `anEndpoint('10.244.0.11', { nodeName: 'node1' })` is ready; conditions say otherwise. */
export function anEndpoint(address: string, rest: EndpointInput = {}): EndpointInput {
  return { addresses: [address], conditions: { ready: true, serving: true, terminating: false }, ...rest }
}

/** A slice of the Service `name`, with the Service's ports (and their target ports). */
export function aSlice(
  name: string,
  endpoints: readonly EndpointInput[],
  ports: readonly SomePort[] = [{ port: 80, targetPort: 8080 }],
  suffix = 'a',
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: 'default',
      name: `${name}-${suffix}`,
      uid: `uid-${name}-${suffix}`,
      resourceVersion: '1',
      creationTimestamp: CREATED,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    endpoints,
    ports: ports.map((p) => ({
      name: p.name ?? '',
      protocol: p.protocol ?? 'TCP',
      port: p.targetPort ?? p.port,
    })),
  } as unknown as EndpointSlice
}
