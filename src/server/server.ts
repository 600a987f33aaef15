import { type Api, kindForResource, servedKinds, type UserInfo } from '../api/index.ts'
import type { Clock, Log, Random } from '../base/index.ts'
import type { Kind, KubeObject } from '../schema/index.ts'
import type { Store } from '../store/index.ts'
import { type BootstrapOptions, bootstrap, keepPublished } from './bootstrap.ts'
import type { Security, SecurityContext } from './contracts.ts'
import { Discovery } from './discovery.ts'
import { Deadlines } from './http/deadlines.ts'
import { type HandlerParts, handle, REQUEST_TIMEOUT_MS } from './http/handler.ts'
import type { HealthCheck } from './http/health.ts'
import { Inflight } from './http/inflight.ts'
import { type Listener, listen, type TlsFiles } from './http/listener.ts'
import { ServerMetrics } from './http/metrics.ts'
import { nonResourceRequest } from './http/non-resource.ts'
import { handleUpgrade, proxyPlain } from './http/proxy.ts'
import type { WatchStream } from './http/watch-stream.ts'
import { localApi } from './local-api.ts'
import { objectReader } from './object-reader.ts'
import { OpenApi } from './openapi.ts'
import { Operations } from './operations.ts'
import { namespaceBehaviour } from './registry/behaviours.ts'
import { Feed } from './registry/feed.ts'
import type { HistoryLimits } from './registry/history.ts'
import { Registry } from './registry/registry.ts'
import { Resources } from './registry/resources.ts'
import { type ServiceNetwork, serviceBehaviour } from './registry/services.ts'
import { VERSION } from './version.ts'

export interface ApiServerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Builds authentication, authorization, admission, tokens and the road to the nodes on top of the objects. */
  readonly security: (context: SecurityContext) => Security | Promise<Security>
  readonly network: ServiceNetwork
  /** The address other machines and pods reach this server at; it becomes the endpoint of the `kubernetes` Service. */
  readonly advertise?: BootstrapOptions['advertise']
  readonly eventTtlMs?: number
  readonly historyLimits?: HistoryLimits
  /** Sees each object once when it enters a cache; tests freeze it there. */
  readonly onObject?: (object: KubeObject) => void
  /** What else must be well for the server to be ready, such as the controllers in its process. */
  readonly healthChecks?: readonly HealthCheck[]
}

export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly tls?: TlsFiles
}

export interface ApiServer {
  /** The API in process, as this user. */
  apiFor(user: UserInfo): Api
  readonly metrics: ServerMetrics
  listen(options: ListenOptions): Promise<Listener>
  /** Watches end, running requests get `graceMs` to finish, then connections are cut. The store is left open. */
  close(graceMs?: number): Promise<void>
}

const SYSTEM: UserInfo = { username: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }
const EVENT_TTL_MS = 60 * 60_000

/** Puts the parts of the API server together on a store. It listens only when told to. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, clock, log } = options
  const feed = new Feed(store, log)
  const resources = new Resources({
    store,
    feed,
    clock,
    log,
    eventTtlMs: options.eventTtlMs ?? EVENT_TTL_MS,
    historyLimits: options.historyLimits,
    onObject: options.onObject,
  })
  feed.start()
  try {
    return await assemble(options, feed, resources)
  } catch (error) {
    await feed.close()
    throw error
  }
}

/** Security is made on top of the API that it then guards: reading first, then writing through itself. */
async function assemble(options: ApiServerOptions, feed: Feed, resources: Resources): Promise<ApiServer> {
  const { store, clock, random, log } = options
  const late: { security?: Security } = {}
  const behaviours = [namespaceBehaviour, serviceBehaviour(options.network, resources, random)]
  const registry = new Registry({
    store,
    feed,
    resources,
    clock,
    random,
    log,
    behaviours,
    admission: () => late.security!.admission,
  })
  const closing = new AbortController()
  const operations = new Operations(registry, () => late.security!)
  const apiFor = (user: UserInfo) => localApi(operations, user, clock, closing.signal)
  const objects = objectReader(resources)
  late.security = await options.security({
    objects,
    api: apiFor(SYSTEM),
    clock,
    random,
    log,
  })
  const self = { network: options.network, advertise: options.advertise, clock }
  await bootstrap(apiFor(SYSTEM), self)
  await late.security.start?.()
  const stopPublishing = keepPublished(apiFor(SYSTEM), objects, self, log)
  closing.signal.addEventListener('abort', stopPublishing, { once: true })
  const server = new Server(options, { feed, resources, operations, closing, apiFor })
  return server
}

interface Core {
  readonly feed: Feed
  readonly resources: Resources
  readonly operations: Operations
  readonly closing: AbortController
  readonly apiFor: (user: UserInfo) => Api
}

class Server implements ApiServer {
  readonly #options: ApiServerOptions
  readonly #core: Core
  readonly #listeners: Listener[] = []
  readonly #watches = new Set<WatchStream>()
  readonly #parts: HandlerParts
  readonly metrics: ServerMetrics

  constructor(options: ApiServerOptions, core: Core) {
    this.#options = options
    this.#core = core
    const inflight = new Inflight({ total: 600, perUser: 400 })
    this.metrics = new ServerMetrics({
      inflightReading: () => inflight.reading,
      inflightWriting: () => inflight.writing,
      watches: () => this.#watchCounts(),
      objects: () => this.#objectCounts(),
    })
    const served = new Set<Kind>(servedKinds)
    const discovery = new Discovery(servedKinds, addressOf(options.advertise))
    const openapi = new OpenApi(servedKinds, VERSION.gitVersion, options.clock)
    const checks = [...this.#healthChecks(), ...(options.healthChecks ?? [])]
    this.#parts = {
      operations: core.operations,
      clock: options.clock,
      log: options.log,
      inflight,
      deadlines: new Deadlines(options.clock, REQUEST_TIMEOUT_MS),
      metrics: this.metrics,
      watches: this.#watches,
      closing: core.closing.signal,
      serves: (kind) => served.has(kind),
      checks,
      nonResource: (request) => nonResourceRequest(request, { discovery, openapi, checks, version: VERSION }),
      proxy: (request) =>
        proxyPlain(
          request,
          kindForResource(request.info.group, request.info.version, request.info.resource)!,
        ),
    }
  }

  apiFor(user: UserInfo): Api {
    return this.#core.apiFor(user)
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const listener = await listen(options, {
      request: (exchange) => handle(exchange, this.#parts),
      upgrade: (req, socket, head) => handleUpgrade(req, socket, head, this.#parts),
    })
    this.#listeners.push(listener)
    return listener
  }

  async close(graceMs = 5_000): Promise<void> {
    const { clock } = this.#options
    this.#core.closing.abort()
    for (const watch of this.#watches) watch.end()
    await Promise.all(this.#listeners.map((l) => l.close(clock, graceMs)))
    await this.#core.operations.security.close?.()
    await this.#core.feed.close()
  }

  #healthChecks(): HealthCheck[] {
    const { store } = this.#options
    return [
      { name: 'ping', check() {} },
      {
        name: 'store',
        async check() {
          await store.stats()
        },
      },
      {
        name: 'shutdown',
        readinessOnly: true,
        check: () => {
          if (this.#core.closing.signal.aborted) throw new Error('the server is shutting down')
        },
      },
    ]
  }

  #watchCounts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const watch of this.#watches) counts.set(watch.resource, (counts.get(watch.resource) ?? 0) + 1)
    return counts
  }

  #objectCounts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { kind, conversion, cache } of this.#core.resources.all()) {
      if (conversion || !cache.readable) continue
      const { group, plural } = kind.resource
      counts.set(group === '' ? plural : `${plural}.${group}`, cache.size)
    }
    return counts
  }
}

/** Where clients reach this server, as /api says it. */
function addressOf(advertise: BootstrapOptions['advertise']): string {
  if (!advertise) return ''
  const { address, port } = advertise
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
