import { MetricStore, type Metrics } from '../base/index.ts'

/** What the workers count. The agent binds it to its store; names there are the kubelet's. */
export interface NodeMetrics {
  podStartMs(ms: number): void
  operation(kind: string, ms: number, ok: boolean): void
  started(kind: 'container' | 'sandbox', ok: boolean): void
  probe(type: string, result: string, namespace: string, pod: string, container: string): void
  evicted(signal: string): void
}

const HELP: Readonly<Record<string, string>> = {
  kubelet_pod_start_duration_seconds:
    'Duration in seconds from the kubelet seeing a pod for the first time to it running',
  kubelet_runtime_operations_duration_seconds: 'Duration in seconds of operations on the container runtime',
  kubelet_runtime_operations_total: 'Cumulative number of operations on the container runtime by type',
  kubelet_runtime_operations_errors_total:
    'Cumulative number of operations on the container runtime that failed, by type',
  kubelet_started_containers_total: 'Cumulative number of containers started',
  kubelet_started_containers_errors_total: 'Cumulative number of containers that could not be started',
  kubelet_started_pods_total: 'Cumulative number of pod sandboxes started',
  kubelet_started_pods_errors_total: 'Cumulative number of pod sandboxes that could not be started',
  kubelet_running_pods: 'Number of pods that have a running sandbox',
  kubelet_running_containers: 'Number of containers currently running',
  kubelet_evictions: 'Cumulative number of pod evictions by signal',
  prober_probe_total: 'Cumulative number of liveness, readiness and startup probes of containers by result',
}

/** What a node agent counts, empty. */
export const nodeMetricStore = (): MetricStore => new MetricStore({ help: HELP })

export function nodeMetrics(store: Metrics): NodeMetrics {
  return {
    podStartMs: (ms) => store.observe('kubelet_pod_start_duration_seconds', {}, ms / 1000),
    operation(kind, ms, ok) {
      store.observe('kubelet_runtime_operations_duration_seconds', { operation_type: kind }, ms / 1000)
      store.increment('kubelet_runtime_operations_total', { operation_type: kind })
      if (!ok) store.increment('kubelet_runtime_operations_errors_total', { operation_type: kind })
    },
    started(kind, ok) {
      const what = kind === 'container' ? 'containers' : 'pods'
      store.increment(ok ? `kubelet_started_${what}_total` : `kubelet_started_${what}_errors_total`, {})
    },
    probe: (type, result, namespace, pod, container) =>
      store.increment('prober_probe_total', {
        probe_type: type[0]!.toUpperCase() + type.slice(1),
        result: result === 'success' ? 'successful' : result === 'failure' ? 'failed' : 'unknown',
        namespace,
        pod,
        container,
      }),
    evicted: (signal) => store.increment('kubelet_evictions', { eviction_signal: signal }),
  }
}
