import { Counter, Gauge, Histogram, Registry as MetricsRegistry } from 'prom-client'
import type { RequestAttributes } from '../contracts.ts'

export interface MetricSources {
  inflightReading(): number
  inflightWriting(): number
  watches(): ReadonlyMap<string, number>
  /** Objects by resource, of the caches that run. */
  objects(): ReadonlyMap<string, number>
}

const VERB_OF_METHOD: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
}
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT'])
const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 15, 30, 60]

interface Series {
  readonly count: { inc(): void }
  readonly duration: { observe(seconds: number): void }
}

/** What /metrics shows, under Kubernetes' own names. */
export class ServerMetrics {
  readonly registry = new MetricsRegistry()
  readonly #requests: Counter
  readonly #durations: Histogram
  readonly #series = new Map<string, Series>()

  constructor(sources: MetricSources) {
    const registers = [this.registry]
    processFigures(registers)
    this.#requests = new Counter({
      name: 'apiserver_request_total',
      help: 'Requests by verb, group, version, resource, subresource, scope and HTTP status code.',
      labelNames: ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'code'],
      registers,
    })
    this.#durations = new Histogram({
      name: 'apiserver_request_duration_seconds',
      help: 'How long requests took to answer, watches and streams aside.',
      labelNames: ['verb', 'group', 'version', 'resource', 'subresource', 'scope'],
      buckets: SECONDS,
      registers,
    })
    new Gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Requests being worked on.',
      labelNames: ['request_kind'],
      registers,
      collect() {
        this.set({ request_kind: 'readOnly' }, sources.inflightReading())
        this.set({ request_kind: 'mutating' }, sources.inflightWriting())
      },
    })
    new Gauge({
      name: 'apiserver_longrunning_requests',
      help: 'Watches that are open.',
      labelNames: ['resource'],
      registers,
      collect() {
        this.reset()
        for (const [resource, count] of sources.watches()) this.set({ resource }, count)
      },
    })
    new Gauge({
      name: 'apiserver_storage_objects',
      help: 'Objects in the store, of the resources in use.',
      labelNames: ['resource'],
      registers,
      collect() {
        this.reset()
        for (const [resource, count] of sources.objects()) this.set({ resource }, count)
      },
    })
  }

  observe(info: RequestAttributes | undefined, method: string, code: number, durationMs: number): void {
    const series = this.#of(info, method, code)
    series.count.inc()
    if (info?.verb !== 'watch') series.duration.observe(durationMs / 1000)
  }

  /** Label sets are few and looked up once: names that clients make up do not become series. */
  #of(info: RequestAttributes | undefined, method: string, code: number): Series {
    const isKnown = info?.isResource === true && code !== 404
    const key = isKnown
      ? `${info.verb}\0${info.group}\0${info.version}\0${info.resource}\0${info.subresource}\0${info.name !== ''}\0${info.namespace !== ''}\0${code}`
      : `${method}\0${code}`
    let series = this.#series.get(key)
    if (series) return series
    const verb = isKnown
      ? (VERB_OF_METHOD[info.verb] ?? info.verb.toUpperCase())
      : METHODS.has(method)
        ? method
        : 'other'
    const scope = !isKnown
      ? ''
      : info.name !== ''
        ? 'resource'
        : info.namespace !== ''
          ? 'namespace'
          : 'cluster'
    const labels = isKnown
      ? {
          verb,
          group: info.group,
          version: info.version,
          resource: info.resource,
          subresource: info.subresource,
          scope,
        }
      : { verb, group: '', version: '', resource: '', subresource: '', scope }
    const count = this.#requests
    const duration = this.#durations.labels(labels)
    series = { count: count.labels({ ...labels, code: String(code) }), duration }
    if (this.#series.size < 20_000) this.#series.set(key, series)
    return series
  }
}

/** The process's own figures, read when asked: sampling the event loop all the time would keep an idle server busy. */
function processFigures(registers: MetricsRegistry[]): void {
  const startedSeconds = (performance.timeOrigin / 1000) | 0
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process began, in seconds since 1970.',
    registers,
    collect() {
      this.set(startedSeconds)
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory the process holds.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge({
    name: 'process_cpu_seconds_total',
    help: 'Processor time the process has used.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.set((user + system) / 1e6)
    },
  })
  new Gauge({
    name: 'nodejs_heap_size_used_bytes',
    help: 'JavaScript objects, garbage included.',
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed)
    },
  })
}
