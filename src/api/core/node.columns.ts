import { AGE, table, wide } from '../table.columns.ts'
import { Node } from './node.ts'

const ROLE_PREFIX = 'node-role.kubernetes.io/'
const ROLE_LABEL = 'kubernetes.io/role'

function statusText(node: Node): string {
  const ready = node.status.conditions?.find((c) => c.type === 'Ready')
  const text = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'
  return node.spec.unschedulable ? `${text},SchedulingDisabled` : text
}

function roles(node: Node): string {
  const found = new Set<string>()
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length)
      found.add(key.slice(ROLE_PREFIX.length))
    else if (key === ROLE_LABEL && value !== '') found.add(value)
  }
  return [...found].sort().join(',') || '<none>'
}

const address = (node: Node, type: string) =>
  node.status.addresses?.find((a) => a.type === type)?.address || '<none>'

function kernel({ status: { nodeInfo } }: Node): string {
  if (!nodeInfo?.kernelVersion) return '<unknown>'
  return nodeInfo.architecture
    ? `${nodeInfo.kernelVersion} (${nodeInfo.architecture})`
    : nodeInfo.kernelVersion
}

export const nodeTable = table(
  Node,
  ['Status', statusText],
  ['Roles', roles],
  AGE,
  ['Version', (n) => n.status.nodeInfo?.kubeletVersion ?? ''],
  wide('Internal-IP', (n) => address(n, 'InternalIP')),
  wide('External-IP', (n) => address(n, 'ExternalIP')),
  wide('OS-Image', (n) => n.status.nodeInfo?.osImage || '<unknown>'),
  wide('Kernel-Version', kernel),
  wide('Container-Runtime', (n) => n.status.nodeInfo?.containerRuntimeVersion || '<unknown>'),
)
