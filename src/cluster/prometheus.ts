import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Metrics } from '../client/index.ts'

/** Seconds: from 10 µs to 100 s, as Kubernetes' work queues are measured. */
const BUCKETS = [1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100]

/** Counts into the registry of the server's process; a series appears with its first value. */
export function prometheusMetrics(registry: Registry): Metrics {
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, Gauge>()
  const histograms = new Map<string, Histogram>()
  const made = <M>(all: Map<string, M>, name: string, make: () => M): M => {
    let metric = all.get(name)
    if (!metric) {
      metric = make()
      all.set(name, metric)
    }
    return metric
  }
  const base = (name: string, labels: object) => ({
    name,
    help: name.replaceAll('_', ' '),
    labelNames: Object.keys(labels),
    registers: [registry],
  })
  return {
    increment: (name, labels, by = 1) =>
      made(counters, name, () => new Counter(base(name, labels))).inc(labels, by),
    set: (name, labels, value) => made(gauges, name, () => new Gauge(base(name, labels))).set(labels, value),
    observe: (name, labels, value) =>
      made(histograms, name, () => new Histogram({ ...base(name, labels), buckets: BUCKETS })).observe(
        labels,
        value,
      ),
  }
}
