import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { type Clock, type Log, processLog, sleep, systemClock, systemRandom } from '../base/index.ts'
import { httpsApi, Informers } from '../client/index.ts'
import { startClusterDns, startServiceProxy } from '../net/index.ts'
import { startNodeAgent } from '../node/index.ts'
import { nodeIdentity } from './access.ts'
import { listens } from './containerd.ts'
import { ensurePauseImage } from './images/pause.ts'
import { copyImportedImages } from './images/store.ts'
import type { ContainerdLayout, Layout } from './layout.ts'
import { followPodNetwork } from './pod-network.ts'
import { untilStopped } from './stop.ts'

/** How often the files are looked at: the server's process renews them long before they expire. */
const IDENTITY_CHECK_MS = 10 * 60_000

/**
 * The process `agent` of one node: looks after its pods, its part of the pod network, the Service rules and the cluster
 * DNS. Runs in the node's network namespace. What it started goes on running when it ends.
 */
export async function runAgent(layout: Layout, nodeName: string, onStarted: () => void): Promise<void> {
  const log = processLog('agent').child({ node: nodeName })
  const clock = systemClock()
  const random = systemRandom()
  const stop = untilStopped()
  const stopping = new AbortController()
  const { signal } = stopping
  const node = layout.nodes.find((n) => n.name === nodeName)
  if (!node)
    throw new Error(
      `cannot run the agent of "${nodeName}": cluster "${layout.config.name}" has ${layout.nodes.length} nodes`,
    )
  let identity = await nodeIdentity(layout, nodeName)
  const api = httpsApi({ server: layout.apiUrl, tls: () => identity.client, userAgent: 'dhow-agent' })
  const informers = new Informers({ api, clock, random, log, signal })
  followPodNetwork({ layout, node, informers, clock, log, signal })
  // The server answers names where no agent does.
  const standIn = { address: layout.apiIp, port: layout.config.apiPort }
  const proxy = startServiceProxy({
    informers,
    nodeName,
    nodeIPs: node.netns ? [node.ip] : [node.ip, ...hostAddresses()],
    clusterCIDR: layout.config.podCidr,
    serviceCIDR: layout.config.serviceCidr,
    tableName: layout.proxyTable,
    reservedIPs: [layout.dnsIp],
    dnsFallback: { address: layout.dnsIp, to: standIn },
    clock,
    log: log.child({ part: 'proxy' }),
    signal,
  })
  const { clusterDomain, podCidr, serviceCidr } = layout.config
  startClusterDns({
    informers,
    clusterDomain,
    address: layout.dnsIp,
    link: layout.dnsLink,
    clusterCIDRs: [serviceCidr, podCidr],
    hasHostLoopback: node.netns === undefined,
    memoryFile: join(node.agentDir, 'names'),
    standIn,
    clock,
    random,
    log: log.child({ part: 'dns' }),
    signal,
  })
  await prepareRuntime(node.containerd, clock, log)
  if (node.number > 1) await receiveImages(layout.nodes[0]!.containerd, node.containerd, clock, log)
  const agent = await startNodeAgent({
    api,
    nodeName,
    nodeIPs: [node.ip],
    criSocket: node.containerd.socket,
    rootDir: node.agentDir,
    cgroupBase: node.cgroupBase,
    clusterDNS: [layout.dnsIp],
    clusterDomain,
    tls: () => ({ ...identity.serving, clientCA: identity.serving.ca }),
    port: node.kubeletPort,
    whenLeft: ({ metadata: { namespace = '', uid } }, until) => proxy.whenLeft({ namespace, uid }, until),
    clock,
    random,
    log,
  })
  const look = async () => {
    const now = await nodeIdentity(layout, nodeName)
    if (now.client.cert === identity.client.cert && now.serving.cert === identity.serving.cert) return
    identity = now
    agent.renewCertificate()
  }
  const lookAgain = () => {
    clock.after(IDENTITY_CHECK_MS, () => {
      look()
        .catch((error) => log.error({ error: String(error) }, 'cannot read renewed certificates'))
        .then(lookAgain)
    })
  }
  lookAgain()
  onStarted()
  // An agent is small before it is fast. Not from the start: compiled code is only good under the flags it was made with.
  setFlagsFromString('--memory-saver-mode')
  await stop
  log.info({}, 'stopping; what runs goes on running')
  stopping.abort()
  await agent.stop()
  process.exit(0)
}

/** Waits for containerd and gives it the image that every pod needs; it may start at the same time, or later. */
async function prepareRuntime(containerd: ContainerdLayout, clock: Clock, log: Log): Promise<void> {
  for (let pauseMs = 20; ; pauseMs = Math.min(1_000, pauseMs * 2)) {
    if (await listens(containerd.socket)) {
      try {
        return await ensurePauseImage(containerd)
      } catch (error) {
        log.warn({ error: String(error) }, 'cannot prepare the pause image; trying again')
      }
    }
    await sleep(clock, pauseMs)
  }
}

/** What was imported into the first node while this one was not there. It may just start as well, so it is waited for. */
async function receiveImages(
  from: ContainerdLayout,
  to: ContainerdLayout,
  clock: Clock,
  log: Log,
): Promise<void> {
  const deadline = clock.monotonic() + 10_000
  while (!(await listens(from.socket)) && clock.monotonic() < deadline) await sleep(clock, 50)
  try {
    const names = await copyImportedImages(from, to)
    if (names.length > 0) log.info({ images: names }, 'copied images of the first node')
  } catch (error) {
    log.warn({ error: String(error) }, 'cannot copy the images of the first node: pods pull what is missing')
  }
}

/** The machine's own addresses, those of clusters' bridges aside: node ports answer there as well. */
function hostAddresses(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !name.startsWith('dhow'))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}
