import { type Labels, type MetricDescriptions, MetricStore } from '../../base/index.ts'
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
/** Seconds: from 10 µs to 100 s, as Kubernetes' work queues are measured. */
const QUEUE_SECONDS = [1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100]
const DESCRIPTIONS: MetricDescriptions = {
  help: {
    apiserver_request_total:
      'Requests by verb, group, version, resource, subresource, scope and HTTP status code.',
    apiserver_request_duration_seconds: 'How long requests took to answer, watches and streams aside.',
    apiserver_current_inflight_requests: 'Requests being worked on.',
    apiserver_longrunning_requests: 'Watches that are open.',
    apiserver_storage_objects: 'Objects in the store, of the resources in use.',
    process_start_time_seconds: 'When the process began, in seconds since 1970.',
    process_resident_memory_bytes: 'Memory the process holds.',
    process_cpu_seconds_total: 'Processor time the process has used.',
    nodejs_heap_size_used_bytes: 'JavaScript objects, garbage included.',
  },
  buckets: {
    apiserver_request_duration_seconds: [
      0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 15, 30, 60,
    ],
    workqueue_queue_duration_seconds: QUEUE_SECONDS,
    workqueue_work_duration_seconds: QUEUE_SECONDS,
  },
}
const MAX_LABELS = 20_000

/** The labels of a request's two metrics. */
interface RequestLabels {
  readonly count: Labels
  readonly duration: Labels
}

/** What /metrics shows, under Kubernetes' own names. */
export class ServerMetrics {
  /** The control loops of the server's process count here too. */
  readonly store = new MetricStore(DESCRIPTIONS)
  readonly #labels = new Map<string, RequestLabels>()

  constructor(sources: MetricSources) {
    const { store } = this
    const startedSeconds = (performance.timeOrigin / 1000) | 0
    store.onRead(() => {
      store.replace('apiserver_current_inflight_requests', 'request_kind', [
        ['readOnly', sources.inflightReading()],
        ['mutating', sources.inflightWriting()],
      ])
      store.replace('apiserver_longrunning_requests', 'resource', sources.watches())
      store.replace('apiserver_storage_objects', 'resource', sources.objects())
      const { rss, heapUsed } = process.memoryUsage()
      const { user, system } = process.cpuUsage()
      store.set('process_start_time_seconds', {}, startedSeconds)
      store.set('process_resident_memory_bytes', {}, rss)
      store.set('process_cpu_seconds_total', {}, (user + system) / 1e6)
      store.set('nodejs_heap_size_used_bytes', {}, heapUsed)
    })
  }

  observe(info: RequestAttributes | undefined, method: string, code: number, durationMs: number): void {
    const labels = this.#labelsOf(info, method, code)
    this.store.increment('apiserver_request_total', labels.count)
    if (info?.verb !== 'watch')
      this.store.observe('apiserver_request_duration_seconds', labels.duration, durationMs / 1000)
  }

  /** Made once for each kind of request: names that clients make up do not become series. */
  #labelsOf(info: RequestAttributes | undefined, method: string, code: number): RequestLabels {
    const known = info?.isResource === true && code !== 404 ? info : undefined
    const key = known
      ? `${known.verb} ${known.group} ${known.version} ${known.resource} ${known.subresource} ${scopeOf(known)} ${code}`
      : `${method} ${code}`
    let labels = this.#labels.get(key)
    if (labels) return labels
    const duration = known
      ? {
          verb: VERB_OF_METHOD[known.verb] ?? known.verb.toUpperCase(),
          group: known.group,
          version: known.version,
          resource: known.resource,
          subresource: known.subresource,
          scope: scopeOf(known),
        }
      : {
          verb: METHODS.has(method) ? method : 'other',
          group: '',
          version: '',
          resource: '',
          subresource: '',
          scope: '',
        }
    labels = { count: { ...duration, code: String(code) }, duration }
    if (this.#labels.size < MAX_LABELS) this.#labels.set(key, labels)
    return labels
  }
}

function scopeOf({ name, namespace }: RequestAttributes): string {
  if (name !== '') return 'resource'
  return namespace !== '' ? 'namespace' : 'cluster'
}
