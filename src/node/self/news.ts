import type { Node } from '../../api/index.ts'

/** What is to be said, as events, of a node whose object changed; `before` is undefined for an agent that starts. Pure. */
export function nodeNews(
  before: Node | undefined,
  node: Node,
): readonly { readonly reason: string; readonly message: string }[] {
  const statusOf = (n: Node | undefined, type: string) =>
    n?.status.conditions?.find((c) => c.type === type)?.status
  const changed = (node.status.conditions ?? []).filter((c) => statusOf(before, c.type) !== c.status)
  const reasons = changed.flatMap(({ type, status, reason }) => {
    if (type === 'Ready') return [status === 'True' ? 'NodeReady' : 'NodeNotReady']
    return reason?.startsWith('KubeletHas') ? [reason.replace('Kubelet', 'Node')] : []
  })
  const start = before ? [] : [{ reason: 'Starting', message: 'Starting kubelet.' }]
  return [
    ...start,
    ...reasons.map((reason) => ({
      reason,
      message: `Node ${node.metadata.name} status is now: ${reason}`,
    })),
  ]
}
