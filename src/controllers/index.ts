import type { Clock } from '../base/index.ts'
import { deployments } from './deployment/index.ts'
import { disruptionBudgets, sparedPods } from './disruption/index.ts'
import { endpointMirror, endpointSlices, endpoints } from './endpoints/index.ts'
import { garbageCollector } from './garbage/index.ts'
import { rootCaPublisher, serviceAccounts } from './namespace/defaults.ts'
import { namespaces } from './namespace/index.ts'
import { taintEviction } from './node/eviction.ts'
import { nodeLifecycle } from './node/health.ts'
import { nodeIpam } from './node/ipam.ts'
import { podGarbageCollector } from './podgc/index.ts'
import { replicaSets } from './replicaset/index.ts'
import type { Controller } from './runtime/index.ts'

export { deployments } from './deployment/index.ts'
export { endpointSlices, endpoints } from './endpoints/index.ts'
export { replicaSets } from './replicaset/index.ts'
export {
  type Action,
  CONTROLLER_MANAGER,
  type Controller,
  controllerUser,
  create,
  defineController,
  each,
  event,
  index,
  mergePatch,
  nothingToDo,
  ownedBy,
  type Plan,
  type PlanContext,
  plan,
  type RunningControllers,
  type RunOptions,
  remove,
  rulesOf,
  runControllers,
  slowStart,
  together,
  trigger,
  update,
  updateStatus,
  type View,
} from './runtime/index.ts'

/** What a cluster is configured with, as far as controllers need it. */
export interface ControllersOptions {
  readonly clock: Clock
  /** PEM of the CA that signs the API server's certificate: published as kube-root-ca.crt in each namespace. */
  readonly rootCa?: string
  /** The pod network, of which each node gets a /24; undefined: nodes keep the podCIDR they come with. */
  readonly podCidr?: string
}

/** Every controller that a cluster runs. */
export function builtinControllers(options: ControllersOptions): readonly Controller[] {
  return [
    deployments,
    replicaSets,
    endpointSlices,
    endpoints,
    endpointMirror,
    namespaces(),
    serviceAccounts,
    ...(options.rootCa === undefined ? [] : [rootCaPublisher(options.rootCa)]),
    garbageCollector(),
    podGarbageCollector(options.clock),
    nodeLifecycle(options.clock),
    taintEviction(options.clock),
    disruptionBudgets,
    sparedPods,
    ...(options.podCidr === undefined ? [] : [nodeIpam(options.podCidr)]),
  ]
}
