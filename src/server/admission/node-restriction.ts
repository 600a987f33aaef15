import { CSINode, Lease, type Node, notFound, Pod, type TokenRequest } from '../../api/index.ts'
import type { NodeAuthorizer } from '../auth/node-authorizer.ts'
import { podReferences } from '../auth/node-graph.ts'
import type { AdmissionRequest } from '../contracts.ts'
import { type AdmissionPlugin, isMirror, type Lookup, refuse } from './plugin.ts'

/** Labels of Kubernetes' own domains that a node may set on itself. */
const NODE_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
])
const NODE_LABEL_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io']

/**
 * A node writes only itself, its own lease and its own pods, and asks for tokens only of pods that run on it.
 * Source: kubernetes.io/docs/reference/access-authn-authz/admission-controllers (NodeRestriction).
 */
export function nodeRestriction(objects: Lookup, nodes: NodeAuthorizer): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    admit(request) {
      const node = nodes.nodeOf(request.user)
      if (node === undefined) return request.object
      const why = problem(request, node, objects)
      if (why !== undefined) throw refuse(request, why)
      return request.object
    },
  }
}

function problem(request: AdmissionRequest, node: string, objects: Lookup): string | undefined {
  const { plural, group } = request.kind.resource
  switch (`${group}/${plural}`) {
    case '/pods':
      return podProblem(request, node, objects)
    case '/nodes':
      return nodeProblem(request, node)
    case '/serviceaccounts':
      return request.subresource === 'token' ? tokenProblem(request, node, objects) : undefined
    case `${Lease.resource.group}/${Lease.resource.plural}`:
      return ownProblem(request, node, 'lease')
    case `${CSINode.resource.group}/${CSINode.resource.plural}`:
      return ownProblem(request, node, 'CSINode')
    default:
      return undefined
  }
}

function podProblem(request: AdmissionRequest, node: string, objects: Lookup): string | undefined {
  const { operation, subresource } = request
  if (subresource === '' && operation === 'CREATE') return mirrorPodProblem(request.object as Pod, node)
  if (subresource === '' && operation === 'DELETE')
    return boundProblem(request.old as Pod | undefined, node, 'delete')
  if (subresource === 'eviction' && operation === 'CREATE') {
    const pod = objects.get(Pod, request.namespace, request.name)
    if (!pod) throw notFound(Pod.resource, request.name)
    return boundProblem(pod, node, 'evict')
  }
  if (subresource === 'status' && operation === 'UPDATE') {
    const old = request.old as Pod
    if (!sameEntries(old.metadata.labels, (request.object as Pod).metadata.labels)) {
      return `node ${quote(node)} cannot update labels through pod status`
    }
    return boundProblem(old, node, 'update status for')
  }
  if (operation === 'CONNECT') return undefined
  return `unexpected operation ${quote(operation)}${subresource === '' ? '' : ` on ${quote(subresource)}`}, node ${quote(node)} can only create and delete mirror pods, and update the status of its own`
}

function boundProblem(pod: Pod | undefined, node: string, doing: string): string | undefined {
  return pod?.spec.nodeName === node
    ? undefined
    : `node ${quote(node)} can only ${doing} pods with spec.nodeName set to itself`
}

function mirrorPodProblem(pod: Pod, node: string): string | undefined {
  if (!isMirror(pod))
    return `pod does not have "kubernetes.io/config.mirror" annotation, node ${quote(node)} can only create mirror pods`
  if (pod.spec.nodeName !== node)
    return `node ${quote(node)} can only create pods with spec.nodeName set to itself`
  const owners = pod.metadata.ownerReferences ?? []
  if (owners.length > 1)
    return `node ${quote(node)} can only create pods with a single owner reference set to itself`
  const owner = owners[0]
  if (owner && (owner.kind !== 'Node' || owner.name !== node))
    return `node ${quote(node)} can only create pods with an owner reference set to itself`
  if (pod.spec.serviceAccountName)
    return `node ${quote(node)} can not create pods that reference a service account`
  // What a pod names, its node may read: it could help itself to every Secret by making pods up.
  const named = [...podReferences(pod)].find((reference) => !reference.startsWith('pods '))
  return named && `node ${quote(node)} can not create pods that reference ${named.split(' ')[0]}`
}

function nodeProblem(request: AdmissionRequest, node: string): string | undefined {
  const object = request.object as Node | undefined
  const name = request.name || object?.metadata.name
  if (name !== node) return `node ${quote(node)} is not allowed to modify node ${quote(name ?? '')}`
  const old = request.old as Node | undefined
  if (request.operation === 'DELETE') return `node ${quote(node)} is not allowed to delete itself`
  if (!object) return undefined
  const main = request.subresource === ''
  if (
    main &&
    request.operation === 'UPDATE' &&
    JSON.stringify(old?.spec?.taints ?? []) !== JSON.stringify(object.spec?.taints ?? [])
  ) {
    return `node ${quote(node)} is not allowed to modify taints`
  }
  if (
    main &&
    JSON.stringify(old?.metadata.ownerReferences ?? []) !==
      JSON.stringify(object.metadata.ownerReferences ?? [])
  ) {
    return `node ${quote(node)} is not allowed to modify owner references`
  }
  const forbiddenLabels = changedKeys(old?.metadata.labels, object.metadata.labels).filter(
    (label) => !mayLabel(label),
  )
  if (forbiddenLabels.length === 0) return undefined
  return `is not allowed to modify labels: ${forbiddenLabels.sort().join(', ')}`
}

/** Labels outside Kubernetes' domains are free, those inside are not, with few exceptions. */
function mayLabel(label: string): boolean {
  const slash = label.indexOf('/')
  const domain = slash < 0 ? '' : label.slice(0, slash)
  const under = (parent: string) => domain === parent || domain.endsWith(`.${parent}`)
  if (under('node-restriction.kubernetes.io')) return false
  if (!under('kubernetes.io') && !under('k8s.io')) return true
  return NODE_LABELS.has(label) || NODE_LABEL_DOMAINS.some(under)
}

function tokenProblem(request: AdmissionRequest, node: string, objects: Lookup): string | undefined {
  const ref = (request.object as unknown as TokenRequest).spec?.boundObjectRef
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) {
    return `node requested token not bound to a pod`
  }
  if (!ref.uid) return 'node requested token with a pod binding without a uid'
  const pod = objects.get(Pod, request.namespace, ref.name)
  if (!pod) throw notFound(Pod.resource, ref.name)
  if (pod.metadata.uid !== ref.uid)
    return `the UID in the bound object reference (${ref.uid}) does not match the UID in record (${pod.metadata.uid})`
  if (pod.spec.nodeName !== node) return `node requested token bound to a pod scheduled on a different node`
  return undefined
}

function ownProblem(request: AdmissionRequest, node: string, what: string): string | undefined {
  const name = request.name || request.object?.metadata.name
  if (what === 'lease' && request.namespace !== 'kube-node-lease')
    return `can only access leases in the "kube-node-lease" system namespace`
  return name === node ? undefined : `can only access node ${what} with the same name as the requesting node`
}

const quote = (text: string) => JSON.stringify(text)

function changedKeys(
  a: Readonly<Record<string, string>> = {},
  b: Readonly<Record<string, string>> = {},
): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key])
}

const sameEntries = (
  a: Readonly<Record<string, string>> | undefined,
  b: Readonly<Record<string, string>> | undefined,
) => changedKeys(a, b).length === 0
