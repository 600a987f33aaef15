import type { UserInfo } from '../../api/index.ts'
import type { Decision, RequestAttributes } from '../contracts.ts'
import { DEFAULT_ROLES } from './default-policy.ts'
import type { NodeGraph, NodeResource } from './node-graph.ts'
import { addGrant, findGrant, type GrantTable, newGrantTable } from './rules.ts'

const NODE_USER = 'system:node:'
const YES: Decision = { allowed: true, reason: '' }
const no = (reason: string): Decision => ({ allowed: false, reason })

/**
 * What a node's agent may do: read what its own pods need, and write about itself and its pods.
 * Source: kubernetes.io/docs/reference/access-authn-authz/node.
 */
export class NodeAuthorizer {
  readonly #graph: NodeGraph
  /** What needs no look at the graph. */
  readonly #plain: GrantTable = newGrantTable()

  constructor(graph: NodeGraph) {
    this.#graph = graph
    const rules = DEFAULT_ROLES.find(
      (role) => role.name === 'system:node' && role.namespace === undefined,
    )!.rules
    for (const rule of rules) addGrant(this.#plain, rule, '')
  }

  /** The node that a user is the agent of. */
  nodeOf(user: UserInfo): string | undefined {
    if (!user.username.startsWith(NODE_USER) || !user.groups.includes('system:nodes')) return undefined
    return user.username.slice(NODE_USER.length) || undefined
  }

  /** undefined: not a node, no opinion. */
  authorize(user: UserInfo, attributes: RequestAttributes): Decision | undefined {
    const node = this.nodeOf(user)
    if (node === undefined) return undefined
    if (!attributes.isResource) return no('')
    switch (`${attributes.group}/${attributes.resource}`) {
      case '/secrets':
      case '/configmaps':
      case 'resource.k8s.io/resourceclaims':
        return this.#readReferred(node, attributes)
      case '/persistentvolumeclaims':
        return attributes.subresource === 'status'
          ? this.#writeStatus(node, attributes)
          : this.#readReferred(node, attributes)
      case '/persistentvolumes':
        if (attributes.verb !== 'get' || attributes.subresource !== '')
          return no('can only get individual resources of this type')
        return this.#graph.refersToVolume(node, attributes.name) ? YES : noRelation(node)
      case '/serviceaccounts':
        if (attributes.verb !== 'create' || attributes.subresource !== 'token')
          return no('can only create tokens for individual service accounts')
        return this.#refers(node, attributes) ? YES : noRelation(node)
      case '/pods':
        return this.#pods(node, attributes)
      case '/nodes':
        return authorizeNodes(node, attributes)
      case 'coordination.k8s.io/leases':
        return authorizeOwn(node, attributes, 'kube-node-lease')
      case 'storage.k8s.io/csinodes':
        return authorizeOwn(node, attributes, '')
      default:
        return this.#static(attributes)
    }
  }

  #static(attributes: RequestAttributes): Decision {
    return findGrant(this.#plain, attributes) ? YES : no('')
  }

  #refers(node: string, { resource, namespace, name }: RequestAttributes): boolean {
    return name !== '' && this.#graph.refers(node, resource as NodeResource, namespace, name)
  }

  /** It reads only its own pods. Which ones it writes, NodeRestriction checks. */
  #pods(node: string, attributes: RequestAttributes): Decision {
    const { verb, subresource, name, fieldSelector } = attributes
    if (subresource !== '' || !['get', 'list', 'watch'].includes(verb)) return this.#static(attributes)
    if (verb !== 'get' && selectsNode(fieldSelector, node)) return YES
    if (name !== '') return this.#refers(node, attributes) ? YES : noRelation(node)
    return no('can only list/watch pods with spec.nodeName field selector')
  }

  #readReferred(node: string, attributes: RequestAttributes): Decision {
    if (!['get', 'list', 'watch'].includes(attributes.verb)) return no('can only read resources of this type')
    if (attributes.subresource !== '') return no('cannot read subresource')
    if (attributes.namespace === '' || attributes.name === '')
      return no('can only read namespaced object of this type')
    return this.#refers(node, attributes) ? YES : noRelation(node)
  }

  #writeStatus(node: string, attributes: RequestAttributes): Decision {
    if (!['get', 'update', 'patch'].includes(attributes.verb))
      return no('can only get, update and patch the status of this type')
    return this.#refers(node, attributes) ? YES : noRelation(node)
  }
}

const noRelation = (node: string) => no(`no relationship found between node '${node}' and this object`)

function selectsNode(fieldSelector: string | undefined, node: string): boolean {
  const terms = fieldSelector?.split(',') ?? []
  return terms.some((term) => /^spec\.nodeName==?(.*)$/.exec(term.trim())?.[1] === node)
}

/** It reads all of them, more than a kubelet may: the service proxy beside it sends to every node. */
function authorizeNodes(node: string, attributes: RequestAttributes): Decision {
  const { verb, subresource, name } = attributes
  if (subresource !== '' && subresource !== 'status') return no('')
  if (verb === 'create' && subresource === '') return YES
  if (['get', 'list', 'watch'].includes(verb)) return YES
  if (verb !== 'update' && verb !== 'patch') return no('')
  return name === node ? YES : no(`node '${node}' cannot modify node '${name}'`)
}

/** Objects that are named like the node. Their name is not known yet when they are created: NodeRestriction checks it. */
function authorizeOwn(node: string, attributes: RequestAttributes, namespace: string): Decision {
  const { verb, name, subresource } = attributes
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb))
    return no('can only get, create, update, patch, or delete objects of this type')
  if (subresource !== '') return no('cannot authorize subresources of this type')
  if (attributes.namespace !== namespace)
    return no(`can only access objects in the namespace ${JSON.stringify(namespace)}`)
  if (verb === 'create' && name === '') return YES
  return name === node ? YES : no('can only access objects with the same name as the requesting node')
}
