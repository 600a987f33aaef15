import { readFileSync } from 'node:fs'
import { Service } from '../../api/index.ts'
import { type Clock, type Log, type Metrics, pause, type Random } from '../../base/index.ts'
import type { Informers } from '../../client/index.ts'
import { type Command, machineCommand } from '../command.ts'
import { BY_ADDRESS, BY_SERVICE, indexAddresses, slicesIn } from '../indexes.ts'
import { Forwarder } from './forwarder.ts'
import { ensureOwnAddress } from './link.ts'
import { Listener } from './listener.ts'
import { type Known, recall, remember } from './memory.ts'
import { isLoopback, parseResolvConf } from './resolv-conf.ts'
import { Responder } from './responder.ts'
import { leaveToStandIn } from './stand-in.ts'
import type { Upstream } from './transport.ts'
import type { ZoneView } from './zone.ts'

export interface ClusterDnsOptions {
  readonly informers: Informers
  /** cluster.local */
  readonly clusterDomain: string
  /** Where to answer, over UDP and TCP. Port 53 unless given. */
  readonly address: string
  readonly port?: number
  /** No TCP: the port is somebody else's there. */
  readonly udpOnly?: boolean
  /** The address under which clients know the DNS, where that is another one. */
  readonly knownAs?: string
  /** Makes a link of this name with `address`, in this process' network namespace; without it, the address has to exist. */
  readonly link?: string
  /** Networks (IPv4 CIDR) of Services and pods: nobody upstream is asked for their names. */
  readonly clusterCIDRs: readonly string[]
  /** Resolvers for everything else; default: those of the machine's resolv.conf, read anew when it changes. */
  readonly upstreams?: readonly Upstream[]
  /** Does the loopback of the machine exist here? Not in a network namespace of its own. */
  readonly hasHostLoopback?: boolean
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics?: Metrics
  /** Where to keep what is known, for a start while the API is away. Without it nothing is kept. */
  readonly memoryFile?: string
  /** Who is asked in our place until we answer: questions are left to it until we know what to say. */
  readonly standIn?: Upstream
  /** Ends the service. The link stays. */
  readonly signal: AbortSignal
  readonly run?: Command
}

export interface ClusterDns {
  /** Resolves once questions are answered; the port is the one that was given, or chosen (0). */
  whenReady(): Promise<{ readonly port: number }>
  isHealthy(): boolean
}

const RETRY_MS = { first: 200, most: 5_000 }
const RESOLV_CONFS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'] as const
const RESOLV_CONF_MS = 30_000
/** For how long a question waits for the first list of Services: less than resolvers do. */
const PATIENCE_MS = 3_000
/** When there is an older answer, and only news could make it better. */
const NEWS_MS = 300

/** Answers names of the cluster from the node's own informers, and asks the machine's resolvers for the rest. */
export function startClusterDns(options: ClusterDnsOptions): ClusterDns {
  const { clock, random, log, signal } = options
  const ready = Promise.withResolvers<{ readonly port: number }>()
  ready.promise.catch(() => {})
  let listener: Listener | undefined
  const synced = Promise.all(
    [options.informers.for(Service), slicesIn(options.informers)].map((i) => i.whenSynced(signal)),
  )
  const responder = makeResponder(options, synced)
  const open = async () => {
    for (let pauseMs = RETRY_MS.first; !signal.aborted; pauseMs = Math.min(RETRY_MS.most, pauseMs * 2)) {
      try {
        const { link, address, port = 53, run = machineCommand() } = options
        if (link) await ensureOwnAddress(run, link, address)
        if (options.standIn)
          await leaveToStandIn(options.standIn, synced, { clock, random, patienceMs: PATIENCE_MS, signal })
        listener = await Listener.open({ ...options, address, port, responder })
        if (signal.aborted) return listener.close()
        return ready.resolve({ port: listener.port })
      } catch (error) {
        log.error({ err: error, address: options.address, retryMs: pauseMs }, 'cannot serve the cluster DNS')
        await pause(clock, pauseMs, signal)
      }
    }
  }
  signal.addEventListener(
    'abort',
    () => {
      listener?.close()
      listener = undefined
      ready.reject(new Error('the cluster DNS was stopped'))
    },
    { once: true },
  )
  void open()
  return { whenReady: () => ready.promise, isHealthy: () => listener !== undefined }
}

function makeResponder(options: ClusterDnsOptions, synced: Promise<unknown>): Responder {
  const { informers, clusterDomain, address, clusterCIDRs, clock } = options
  const services = informers.for(Service)
  const slices = slicesIn(informers)
  indexAddresses(informers)
  const networks = clusterCIDRs.map(parseNetwork)
  const { memoryFile, log } = options
  let remembered = memoryFile === undefined ? undefined : recall(memoryFile, log)
  if (memoryFile !== undefined) remember(memoryFile, informers, options)
  synced.then(
    () => {
      remembered = undefined
    },
    () => {},
  )
  const isReady = () => services.hasSynced && slices.hasSynced
  const live: Known = { services: services.cache, slices: slices.cache }
  return new Responder({
    zone: {
      domain: clusterDomain.toLowerCase().replace(/\.$/, ''),
      address: options.knownAs ?? address,
      isOurs: (ip) => networks.some((contains) => contains(ip)),
    },
    view: viewOf(() => (isReady() ? live : (remembered ?? live))),
    isReady,
    remembers: remembered !== undefined,
    whenReady: waitingRoom(synced, remembered ? NEWS_MS : PATIENCE_MS, clock),
    forwarder: new Forwarder({ ...options, upstreams: upstreamsOf(options) }),
  })
}

/** Each who enters waits until `event`, but no longer than a client has patience; nothing is left of those who went. */
function waitingRoom(event: Promise<unknown>, patienceMs: number, clock: Clock): () => Promise<void> {
  const waiting = new Set<() => void>()
  const open = () => {
    for (const leave of waiting) leave()
  }
  event.then(open, open)
  return () =>
    new Promise((resolve) => {
      const leave = () => {
        waiting.delete(leave)
        cancel()
        resolve()
      }
      waiting.add(leave)
      const cancel = clock.after(patienceMs, leave)
    })
}

function viewOf(known: () => Known): ZoneView {
  return {
    service: (namespace, name) => known().services.get({ namespace, name }),
    slices: (namespace, service) => known().slices.byIndex(BY_SERVICE, `${namespace}/${service}`),
    hasNamespace: (namespace) => !known().services.list(namespace)[Symbol.iterator]().next().done,
    servicesByIp: (ip) => known().services.byIndex(BY_ADDRESS, ip),
    slicesByIp: (ip) => known().slices.byIndex(BY_ADDRESS, ip),
  }
}

function upstreamsOf({
  upstreams,
  address,
  clock,
  log,
  hasHostLoopback = true,
}: ClusterDnsOptions): () => readonly Upstream[] {
  if (upstreams) return () => upstreams.filter((u) => u.address !== address || u.port !== 53)
  let known: readonly Upstream[] = []
  let readAt = Number.NEGATIVE_INFINITY
  return () => {
    if (clock.monotonic() - readAt < RESOLV_CONF_MS) return known
    readAt = clock.monotonic()
    for (const path of RESOLV_CONFS) {
      try {
        const found = parseResolvConf(readFileSync(path, 'utf8'), [address])
        const usable = hasHostLoopback ? found : found.filter((u) => !isLoopback(u))
        if (usable.length === 0) continue
        known = usable
        break
      } catch (error) {
        log.debug({ path, error: String(error) }, 'cannot read the resolvers of the machine')
      }
    }
    return known
  }
}

function parseNetwork(cidr: string): (ip: string) => boolean {
  const [base = '', bits = ''] = cidr.split('/')
  const size = 2 ** (32 - Number(bits))
  const number = (ip: string) => ip.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
  if (!/^(\d{1,3}\.){3}\d{1,3}$/.test(base) || !/^\d{1,2}$/.test(bits))
    throw new Error(`cannot use network "${cidr}": expected an IPv4 CIDR such as 10.96.0.0/16`)
  const network = Math.floor(number(base) / size)
  return (ip) => Math.floor(number(ip) / size) === network
}
