import { LimitRange, Namespace, Node, Pod, PriorityClass, ServiceAccount } from '../../api/index.ts'
import type { Clock, Random } from '../../base/index.ts'
import type { RequestAuthorizer } from '../auth/authorizer.ts'
import type { NodeAuthorizer } from '../auth/node-authorizer.ts'
import type { Rbac } from '../auth/rbac.ts'
import type { Admission, AdmissionRequest, ObjectReader } from '../contracts.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeRestriction } from './node-restriction.ts'
import { taintNewNodes } from './node-taint.ts'
import type { AdmissionPlugin, Admitted } from './plugin.ts'
import { defaultTolerationSeconds, podNodeSelector, priority } from './pod-defaults.ts'
import { rbacEscalation } from './rbac-escalation.ts'
import { serviceAccounts } from './service-account.ts'

export interface AdmissionOptions {
  readonly objects: ObjectReader
  readonly clock: Clock
  readonly random: Random
  readonly authorizer: RequestAuthorizer
  readonly rbac: Rbac
  readonly nodes: NodeAuthorizer
}

/** The plugins of every cluster, in the order in which they see a request. */
export async function createAdmission(options: AdmissionOptions): Promise<Admission> {
  const { objects, clock, random } = options
  await objects.ready(LimitRange, Namespace, ServiceAccount, PriorityClass, Pod, Node)
  return admissionChain([
    namespaceLifecycle(objects),
    limitRanger(objects),
    serviceAccounts(objects, clock, random),
    nodeRestriction(objects, options.nodes),
    taintNewNodes,
    podNodeSelector(objects),
    priority(objects),
    defaultTolerationSeconds,
    rbacEscalation(options.authorizer, options.rbac),
  ])
}

/** Runs plugins one after the other; the first that throws ends it. Synchronous unless a plugin has to wait. */
function admissionChain(plugins: readonly AdmissionPlugin[]): Admission {
  const admitting = plugins.filter((plugin) => plugin.admit !== undefined)
  const validating = plugins.filter((plugin) => plugin.validate !== undefined)
  const admitFrom = (first: number, request: AdmissionRequest): Admitted | Promise<Admitted> => {
    let current = request
    for (let i = first; i < admitting.length; i++) {
      const object = admitting[i]!.admit!(current)
      if (object instanceof Promise)
        return object.then((admitted) => admitFrom(i + 1, { ...current, object: admitted }))
      if (object !== current.object) current = { ...current, object }
    }
    return current.object
  }
  return {
    admit: (request) => admitFrom(0, request),
    validate(request) {
      for (const plugin of validating) plugin.validate!(request)
    },
  }
}
