import type { Node, NodeCondition, NodeStatus } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import type { ObservedImage } from '../runtime/runtime.ts'
import { type MachineFacts, type Pressure, THRESHOLDS } from './machine.ts'

/** What the status of a node is made of. */
export interface NodeFacts {
  readonly name: string
  readonly ips: readonly string[]
  readonly machine: MachineFacts
  readonly runtimeVersion: string
  readonly kubeletVersion: string
  readonly port: number
  readonly labels: Readonly<Record<string, string>>
}

export interface NodeHealth {
  /** Why the node is not ready; empty: it is. */
  readonly problems: readonly string[]
  readonly pressure: Pressure
  readonly images: readonly ObservedImage[]
}

const MAX_IMAGES = 50

export function nodeLabels(facts: NodeFacts): Record<string, string> {
  const { architecture } = facts.machine
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': facts.name,
    'kubernetes.io/os': 'linux',
    ...facts.labels,
  }
}

export const allocatableMemory = (machine: MachineFacts): number =>
  Math.max(0, machine.memoryBytes - THRESHOLDS.memoryBytes)
export const allocatableEphemeral = (machine: MachineFacts): number =>
  Math.floor(machine.ephemeralBytes * (1 - THRESHOLDS.disk))

/** A new Node; it is NotReady until its agent has looked at everything once. */
export function newNode(facts: NodeFacts, health: NodeHealth, now: string): Input<Node> {
  return {
    metadata: {
      name: facts.name,
      labels: nodeLabels(facts),
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {},
    status: nodeStatus(facts, health, undefined, now),
  }
}

export function nodeStatus(
  facts: NodeFacts,
  health: NodeHealth,
  before: NodeStatus | undefined,
  now: string,
): Input<NodeStatus> {
  const { machine } = facts
  const kib = (bytes: number) => `${Math.floor(bytes / 1024)}Ki`
  const cpu = machine.cpuMilli % 1000 === 0 ? String(machine.cpuMilli / 1000) : `${machine.cpuMilli}m`
  const common = { cpu, 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', pods: String(machine.maxPods) }
  return {
    capacity: {
      ...common,
      memory: kib(machine.memoryBytes),
      'ephemeral-storage': kib(machine.ephemeralBytes),
    },
    allocatable: {
      ...common,
      memory: kib(allocatableMemory(machine)),
      'ephemeral-storage': String(allocatableEphemeral(machine)),
    },
    conditions: nodeConditions(health, before?.conditions, now),
    addresses: [
      ...facts.ips.map((address) => ({ type: 'InternalIP' as const, address })),
      { type: 'Hostname' as const, address: facts.name },
    ],
    features: { supplementalGroupsPolicy: false },
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    nodeInfo: {
      machineID: machine.machineID,
      systemUUID: machine.systemUUID,
      bootID: machine.bootID,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: facts.runtimeVersion,
      kubeletVersion: facts.kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
    },
    images: [...health.images]
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, MAX_IMAGES)
      .map((i) => ({ names: [...i.digests, ...i.tags].slice(0, 5), sizeBytes: i.sizeBytes })),
  }
}

/** Conditions of others (of the network, say) stay as they are. */
export function nodeConditions(
  health: NodeHealth,
  before: readonly NodeCondition[] | undefined,
  now: string,
): readonly NodeCondition[] {
  const { pressure, problems } = health
  const ours: readonly (readonly [string, boolean, string, string])[] = [
    ['MemoryPressure', pressure.memory, ...words(pressure.memory, 'Memory', 'memory available')],
    ['DiskPressure', pressure.disk, ...diskWords(pressure.disk)],
    ['PIDPressure', pressure.pid, ...words(pressure.pid, 'PID', 'PID available')],
    problems.length === 0
      ? ['Ready', true, 'KubeletReady', 'kubelet is posting ready status']
      : [
          'Ready',
          false,
          'KubeletNotReady',
          problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`,
        ],
  ]
  const old = new Map((before ?? []).map((c) => [c.type as string, c]))
  const result = ours.map(([type, yes, reason, message]) => {
    const status = yes ? 'True' : 'False'
    const known = old.get(type)
    old.delete(type)
    const since = known?.status === status && known.lastTransitionTime ? known.lastTransitionTime : now
    return {
      type,
      status,
      reason,
      message,
      lastHeartbeatTime: now,
      lastTransitionTime: since,
    } as NodeCondition
  })
  return [...old.values(), ...result]
}

const words = (pressed: boolean, name: string, what: string): readonly [string, string] => [
  pressed ? `KubeletHasInsufficient${name}` : `KubeletHasSufficient${name}`,
  `kubelet has ${pressed ? 'insufficient' : 'sufficient'} ${what}`,
]

const diskWords = (pressed: boolean): readonly [string, string] =>
  pressed
    ? ['KubeletHasDiskPressure', 'kubelet has disk pressure']
    : ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure']
