import type { Api, Pod, Secret, Service } from '../../api/index.ts'
import type { Clock, Log } from '../../base/index.ts'
import type { EventNote } from '../../client/index.ts'
import type { Cgroups } from '../cgroups.ts'
import type { ImagePuller } from '../images/puller.ts'
import type { NodeMetrics } from '../metrics.ts'
import type { LocalFacts } from '../plan/facts.ts'
import type { Probes } from '../probes/probes.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Slots } from '../slots.ts'
import type { NodeNaming } from '../spec/names.ts'
import type { References } from '../volumes/references.ts'
import type { Tokens } from '../volumes/tokens.ts'
import type { Volumes } from '../volumes/volumes.ts'
import type { StatusWriter } from './status-writer.ts'

/** What the workers of all pods share. */
export interface PodServices {
  readonly api: Api
  readonly clock: Clock
  readonly log: Log
  readonly runtime: Runtime
  readonly volumes: Volumes
  readonly references: References
  readonly tokens: Tokens
  readonly puller: ImagePuller
  readonly probes: Probes
  readonly statuses: StatusWriter
  readonly cgroups: Cgroups
  readonly metrics: NodeMetrics
  readonly naming: NodeNaming
  readonly hostIPs: readonly string[]
  readonly machine: Machine
  readonly seccompRoot: string
  /** Making sandboxes and containers costs so much that a few at a time are all done sooner. */
  readonly slots: Slots
  /** Services that a pod's environment may show; rejects while they are not known. */
  readonly services: (pod: Pod) => Promise<readonly Service[]>
  readonly pullSecrets: (pod: Pod) => Promise<readonly Secret[]>
  /** Why the node cannot give a pod the resources that it now asks for. */
  readonly resizeProblem: (pod: Pod) => LocalFacts['resizeProblem']
  /** Resolves once this node sends nobody new to a pod that ends; perhaps never. */
  readonly whenLeft: (pod: Pod, signal: AbortSignal) => Promise<void>
  readonly event: (pod: Pod, note: EventNote) => void
  /** Nothing is left of the pod. */
  readonly forgotten: (uid: string) => void
}

export interface Machine {
  readonly cpuMilli: number
  readonly memoryCapacity: number
  readonly cgroupVersion: 1 | 2
  readonly allocatable: {
    readonly cpuMilli: number
    readonly memoryBytes: number
    readonly ephemeralBytes: number
  }
}
