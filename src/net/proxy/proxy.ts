import { isIPv4 } from 'node:net'
import { EndpointSlice, Node, Service } from '../../api/index.ts'
import { type Clock, type Log, type Metrics, noMetrics, pause, sleep } from '../../base/index.ts'
import type { Informers } from '../../client/index.ts'
import { type Command, machineCommand } from '../command.ts'
import { BY_SERVICE, serviceOf, slicesIn } from '../indexes.ts'
import { forgetStaleFlows } from './conntrack.ts'
import { Departures, type Leaver } from './departures.ts'
import { type NodeView, planFrontends } from './frontends.ts'
import { type HealthPort, HealthPorts } from './health-ports.ts'
import { type Kernel, nftKernel } from './kernel.ts'
import { type Change, type Contents, diffContents, RuleSet } from './rule-set.ts'
import { type DnsFallback, renderFallback, renderTable, type TableOptions } from './table.ts'
import { renderChanges, renderNewChains } from './transaction.ts'

export interface ServiceProxyOptions {
  readonly informers: Informers
  readonly nodeName: string
  /** The node's own IPv4 addresses: node ports answer there. */
  readonly nodeIPs: readonly string[]
  /** All pods' addresses (10.244.0.0/16): everybody else is a client from outside. */
  readonly clusterCIDR: string
  /** The addresses of Services (10.96.0.0/16): traffic to those without a Service is dropped. */
  readonly serviceCIDR?: string
  /** The nft table (family ip) that belongs to the proxy alone: one a cluster and network namespace. */
  readonly tableName: string
  /** Addresses that the node serves itself, such as the cluster DNS'. */
  readonly reservedIPs?: readonly string[]
  /** Who answers the pods' questions to the cluster DNS while this node's own does not run. */
  readonly dnsFallback?: DnsFallback
  readonly clock: Clock
  readonly log: Log
  readonly metrics?: Metrics
  /** Ends the proxy. Its rules stay: what runs goes on running. */
  readonly signal: AbortSignal
  /** How `nft` and `conntrack` are run; default: in this process' network namespace. */
  readonly run?: Command
}

export interface ServiceProxy {
  /** Resolves once the kernel has the rules of everything the API told first. */
  whenReady(): Promise<void>
  /** Did the last change reach the kernel? */
  isHealthy(): boolean
  /**
   * Resolves once this node's rules know that the pod ends: nobody new is sent to it, unless nobody else is left.
   * That may take for ever (the API is away); rejects with the signal.
   */
  whenLeft(pod: Leaver, signal: AbortSignal): Promise<void>
}

/** Between two transactions: changes that come together are applied together. */
const MIN_INTERVAL_MS = 25
const RETRY_MS = { first: 250, most: 10_000 }
/** How often to look whether the table is still there, and how often to compare all of it. */
const CHECK_MS = 15_000
const COMPARE_MS = 600_000

/**
 * Makes Services reachable from this node: follows Services and EndpointSlices, and brings the differences into the
 * node's nftables, each as one transaction. Rules outlive the process; the next one adopts them.
 */
export function startServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const proxy = new RunningProxy(options)
  void proxy.run()
  return proxy
}

class RunningProxy implements ServiceProxy {
  readonly #options: ServiceProxyOptions
  #table: TableOptions
  readonly #command: Command
  #kernel: Kernel
  readonly #rules = new RuleSet()
  readonly #health: HealthPorts
  readonly #healthPorts = new Map<string, HealthPort>()
  readonly #dirty = new Set<string>()
  readonly #departures = new Departures()
  readonly #ready = Promise.withResolvers<void>()
  /** The chains for counts and time-outs that the kernel has. */
  #chains = new Set<string>()
  #zone: string | undefined
  #wake: (() => void) | undefined
  #isKnown = false
  #isHealthy = false

  constructor(options: ServiceProxyOptions) {
    this.#options = options
    const { serviceCIDR, reservedIPs = [] } = options
    this.#table = {
      table: checkTableName(options.tableName),
      podCidr: checkCidr(options.clusterCIDR),
      ...(serviceCIDR === undefined ? {} : { serviceCidr: checkCidr(serviceCIDR) }),
      reserved: reservedIPs.filter((ip) => isIPv4(ip)),
    }
    this.#command = options.run ?? machineCommand()
    this.#kernel = nftKernel(this.#table, this.#command)
    this.#health = new HealthPorts(options.nodeIPs, () => this.#isHealthy, options.log)
    this.#ready.promise.catch(() => {})
  }

  whenReady(): Promise<void> {
    return this.#ready.promise
  }

  isHealthy(): boolean {
    return this.#isHealthy
  }

  whenLeft(pod: Leaver, signal: AbortSignal): Promise<void> {
    const left = this.#departures.wait(pod, AbortSignal.any([signal, this.#options.signal]))
    this.#wake?.()
    return left
  }

  async run(): Promise<void> {
    const { signal, log, clock } = this.#options
    try {
      await this.#follow()
      await this.#tryFallback()
      let lastCheck = clock.monotonic()
      let lastCompare = lastCheck
      let retryMs = RETRY_MS.first
      while (!signal.aborted) {
        try {
          if (clock.monotonic() - lastCheck >= CHECK_MS) {
            lastCheck = clock.monotonic()
            if (this.#isKnown && !(await this.#kernel.isOurs())) {
              log.warn(
                { table: this.#table.table },
                'somebody removed the rules of the Services; restoring them',
              )
              this.#isKnown = false
            }
            if (lastCheck - lastCompare >= COMPARE_MS) this.#isKnown = false
          }
          if (!this.#isKnown) lastCompare = clock.monotonic()
          await this.#sync()
          this.#isHealthy = true
          retryMs = RETRY_MS.first
          this.#ready.resolve()
          await sleep(clock, MIN_INTERVAL_MS, signal)
          if (this.#dirty.size === 0 && !this.#departures.asked) await this.#somethingToDo()
        } catch (error) {
          if (signal.aborted) break
          this.#isHealthy = false
          // What the kernel has now is not certain: it is read before the next try.
          this.#isKnown = false
          log.error({ err: error, retryMs }, 'cannot bring the Services into nftables; trying again')
          await pause(clock, retryMs, signal)
          retryMs = Math.min(RETRY_MS.most, retryMs * 2)
        }
      }
    } catch (error) {
      this.#ready.reject(error)
    } finally {
      this.#ready.reject(new Error('the service proxy was stopped'))
      this.#health.close()
    }
  }

  /** Not every kernel can look for sockets; without, names are not answered while the agent restarts. */
  async #tryFallback(): Promise<void> {
    const { dnsFallback, log } = this.#options
    if (!dnsFallback) return
    try {
      await this.#command('nft', ['-c', '-f', '-'], renderFallback('dhow_try', dnsFallback))
      this.#table = { ...this.#table, dnsFallback }
      this.#kernel = nftKernel(this.#table, this.#command)
    } catch (error) {
      log.warn({ err: error }, 'this kernel cannot hand questions for the cluster DNS to another server')
    }
  }

  async #follow(): Promise<void> {
    const { informers, signal, nodeName } = this.#options
    const services = informers.for(Service)
    const slices = slicesIn(informers)
    const nodes = informers.for(Node)
    await Promise.all([services, slices, nodes].map((i) => i.whenSynced(signal)))
    services.on(({ object }) => this.#mark(`${object.metadata.namespace}/${object.metadata.name}`))
    slices.on((event) => {
      for (const key of serviceOf(event.object)) this.#mark(key)
      if (event.type === 'updated') for (const key of serviceOf(event.old)) this.#mark(key)
    })
    nodes.on(({ object }) => {
      if (object.metadata.name !== nodeName) return
      const zone = object.metadata.labels?.['topology.kubernetes.io/zone']
      if (zone === this.#zone) return
      this.#zone = zone
      for (const { metadata } of services.cache.list()) this.#mark(`${metadata.namespace}/${metadata.name}`)
    })
  }

  #mark(service: string): void {
    this.#dirty.add(service)
    this.#wake?.()
  }

  async #somethingToDo(): Promise<void> {
    const { clock, signal } = this.#options
    await new Promise<void>((resolve) => {
      const done = () => {
        cancel()
        signal.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      const cancel = clock.after(CHECK_MS, done)
      signal.addEventListener('abort', done, { once: true })
      this.#wake = done
    })
  }

  async #sync(): Promise<void> {
    const { clock, metrics = noMetrics, log } = this.#options
    const started = clock.monotonic()
    const letGo = this.#departures.begin({
      services: this.#options.informers.for(Service).cache,
      slices: this.#options.informers.for(EndpointSlice).cache,
    })
    await this.#plan()
    const table = this.#table.table
    let changes: readonly Change[] = this.#rules.takeChanges()
    let before = ''
    if (this.#isKnown) {
      // Chains that are no longer used stay for the next time; comparing everything now and then removes them.
      changes = changes.filter((c) => c.map !== 'chains' || (c.to !== undefined && !this.#chains.has(c.key)))
    } else {
      const isOurs = await this.#kernel.isOurs()
      const actual: Contents = isOurs ? await this.#kernel.read() : new Map()
      changes = diffContents(actual, this.#rules.contents())
      if (!isOurs) before = renderTable(this.#table)
      this.#chains = new Set(actual.get('chains')?.keys())
    }
    const chains = renderNewChains(table, changes)
    let commands = renderChanges(table, changes)
    // A new table comes with all that it holds.
    if (before) commands = before + chains + commands
    else if (chains) await this.#kernel.apply(chains)
    if (commands !== '') {
      await this.#kernel.apply(commands)
      metrics.observe('kubeproxy_sync_proxy_rules_duration_seconds', {}, (clock.monotonic() - started) / 1000)
      metrics.set('kubeproxy_sync_proxy_rules_last_timestamp_seconds', {}, clock.now() / 1000)
      log.debug({ changes: changes.length, ms: clock.monotonic() - started }, 'changed the rules of Services')
    }
    for (const { map, key, to } of changes) {
      if (map !== 'chains') continue
      if (to === undefined) this.#chains.delete(key)
      else this.#chains.add(key)
    }
    const wasKnown = this.#isKnown
    this.#isKnown = true
    letGo()
    this.#health.set(new Map([...this.#healthPorts.values()].map((p) => [p.port, p])))
    await this.#forget(changes, !wasKnown)
  }

  /** Brings what changed in the API into the rule set. */
  async #plan(): Promise<void> {
    const { informers, nodeName, nodeIPs, reservedIPs = [] } = this.#options
    const services = informers.for(Service).cache
    const slices = informers.for(EndpointSlice).cache
    const node: NodeView = { name: nodeName, addresses: nodeIPs, zone: this.#zone, reserved: reservedIPs }
    let done = 0
    for (const key of this.#dirty) {
      this.#dirty.delete(key)
      const [namespace = '', name = ''] = key.split('/')
      const service = services.get({ namespace, name })
      const own = [...slices.byIndex(BY_SERVICE, key)]
      const frontends = service ? planFrontends(service, own, node) : []
      this.#rules.setService(key, `${service?.metadata.creationTimestamp} ${key}`, frontends)
      this.#planHealth(key, service, own)
      if (++done % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #planHealth(key: string, service: Service | undefined, slices: readonly EndpointSlice[]): void {
    const spec = service?.spec
    const port = spec?.healthCheckNodePort
    if (!service || spec?.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local' || !port) {
      this.#healthPorts.delete(key)
      return
    }
    const { nodeName } = this.#options
    const ready = slices
      .flatMap((s) => s.endpoints ?? [])
      .filter((e) => e.nodeName === nodeName && (e.conditions?.ready ?? true))
    const localEndpoints = new Set(ready.flatMap((e) => e.addresses.slice(0, 1))).size
    const { namespace = '', name } = service.metadata
    this.#healthPorts.set(key, { namespace, name, port, localEndpoints })
  }

  /** Clients that are bound to an endpoint that is gone have to be let go. */
  async #forget(changes: readonly Change[], isStart: boolean): Promise<void> {
    const { log } = this.#options
    const at = (key: string) => this.#rules.frontendsAt(key)
    try {
      const isLoss = ({ map, from }: Change) =>
        from !== undefined && (map === 'sticky' || (map.endsWith('endpoints') && this.#rules.hasAffinity))
      if (isStart || changes.some(isLoss)) await this.#forgetAffinity()
      const touched = changes.filter(
        (c) =>
          (c.map.endsWith('endpoints') || c.map.endsWith('services')) &&
          c.key.includes(' . udp . ') &&
          (c.from !== undefined || c.map.endsWith('services')),
      )
      if (touched.length === 0) return
      const gone = new Set(touched.map((c) => c.key.split(' . ').slice(0, 3).join(' . ')))
      const count = await forgetStaleFlows(this.#command, at, gone)
      if (count > 0) log.debug({ flows: count }, 'forgot UDP flows to endpoints that are gone')
    } catch (error) {
      log.warn({ err: error }, 'cannot forget where clients went before')
    }
  }

  async #forgetAffinity(): Promise<void> {
    const remembered = await this.#kernel.readAffinity()
    const stale = remembered.filter(({ frontend, target }) => {
      const frontends = this.#rules.frontendsAt(frontend)
      return !frontends.some(
        ({ affinitySeconds, action }) =>
          affinitySeconds > 0 && action.do === 'forward' && action.targets.includes(target),
      )
    })
    // One by one: some may have expired meanwhile, which would undo a transaction of all.
    for (const { client, frontend } of stale) {
      const element = `${client} . ${frontend}`
      await this.#kernel
        .apply(`delete element ip ${this.#table.table} affinity { ${element} }\n`)
        .catch(() => {})
    }
  }
}

function checkTableName(name: string): string {
  if (!/^[a-zA-Z][\w-]{0,59}$/.test(name))
    throw new Error(`cannot use nft table "${name}": expected 1 to 60 letters, digits, "_" and "-"`)
  return name
}

function checkCidr(cidr: string): string {
  if (!/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/.test(cidr))
    throw new Error(`cannot use network "${cidr}": expected an IPv4 CIDR such as 10.244.0.0/16`)
  return cidr
}
