import type { Metrics } from '../client/index.ts'

/** What the workers count. The agent binds it to its store; names there are the kubelet's. */
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

type Labels = Readonly<Record<string, string>>

interface Family {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly series: Map<string, number>
  readonly buckets: Map<string, { readonly counts: number[]; sum: number; count: number }>
}

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
/** A label that grows without bounds must not take the memory with it. */
const MAX_SERIES = 2_000

/** Counters, gauges and histograms with Prometheus' text form. The library for this costs 19 MB; an agent has 120. */
export class MetricStore implements Metrics {
  readonly #families = new Map<string, Family>()

  increment(name: string, labels: Labels, by = 1): void {
    const { series } = this.#family(name, 'counter')
    bump(series, labelText(labels), by)
  }

  set(name: string, labels: Labels, value: number): void {
    const { series } = this.#family(name, 'gauge')
    const key = labelText(labels)
    if (series.has(key) || series.size < MAX_SERIES) series.set(key, value)
  }

  observe(name: string, labels: Labels, value: number): void {
    const { buckets } = this.#family(name, 'histogram')
    const key = labelText(labels)
    let b = buckets.get(key)
    if (!b) {
      if (buckets.size >= MAX_SERIES) return
      b = { counts: BUCKETS.map(() => 0), sum: 0, count: 0 }
      buckets.set(key, b)
    }
    b.sum += value
    b.count++
    for (const [i, limit] of BUCKETS.entries()) if (value <= limit) b.counts[i]!++
  }

  text(): string {
    const out: string[] = []
    for (const [name, f] of this.#families) {
      out.push(`# HELP ${name} ${f.help}`, `# TYPE ${name} ${f.type}`)
      for (const [labels, value] of f.series) out.push(`${name}${braced(labels)} ${value}`)
      for (const [labels, b] of f.buckets) {
        for (const [i, limit] of BUCKETS.entries())
          out.push(`${name}_bucket${braced(joined(labels, `le="${limit}"`))} ${b.counts[i]}`)
        out.push(
          `${name}_bucket${braced(joined(labels, 'le="+Inf"'))} ${b.count}`,
          `${name}_sum${braced(labels)} ${b.sum}`,
          `${name}_count${braced(labels)} ${b.count}`,
        )
      }
    }
    return `${out.join('\n')}\n`
  }

  #family(name: string, type: Family['type']): Family {
    let f = this.#families.get(name)
    if (!f) {
      f = { type, help: HELP[name] ?? name.replaceAll('_', ' '), series: new Map(), buckets: new Map() }
      this.#families.set(name, f)
    }
    return f
  }
}

function bump(series: Map<string, number>, key: string, by: number): void {
  const value = series.get(key)
  if (value !== undefined || series.size < MAX_SERIES) series.set(key, (value ?? 0) + by)
}

const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([k, v]) => `${k}="${v.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',')
const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`)
const joined = (a: string, b: string): string => (a === '' ? b : `${a},${b}`)

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

export function nodeMetrics(store: MetricStore): NodeMetrics {
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
