/** What the workers count. The agent binds it to its registry; names there are the kubelet's. */
export interface NodeMetrics {
  podStartMs(ms: number): void
  operation(kind: string, ms: number, ok: boolean): void
  started(kind: 'container' | 'sandbox', ok: boolean): void
  probe(type: string, result: string, namespace: string, pod: string, container: string): void
  evicted(signal: string): void
}

export const noNodeMetrics: NodeMetrics = {
  podStartMs() {},
  operation() {},
  started() {},
  probe() {},
  evicted() {},
}
