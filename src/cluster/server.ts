import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Clock, type Log, processLog, systemClock, systemRandom } from '../base/index.ts'
import { Informers } from '../client/index.ts'
import { startClusterDns } from '../net/index.ts'
import { type ApiServer, ensurePki, type Pki } from '../server/index.ts'
import { openSqliteStore } from '../store/index.ts'
import { pkiOptions } from './access.ts'
import { startControlPlane } from './control-plane.ts'
import type { Layout } from './layout.ts'
import { untilStopped } from './stop.ts'

/**
 * The process `server`: store, API, controllers and scheduler. Ends on SIGTERM, with everything acknowledged on disk.
 * `onStarted` is called once all code is loaded.
 */
export async function runServer(layout: Layout, onStarted: () => void): Promise<void> {
  const log = processLog('server')
  const clock = systemClock()
  const stop = untilStopped()
  mkdirSync(dirname(layout.storePath), { recursive: true, mode: 0o700 })
  const [pki, store] = await Promise.all([
    ensurePki(layout.pkiDir, pkiOptions(layout, clock, log)),
    openSqliteStore({ path: layout.storePath, clock, log }),
  ])
  const { config } = layout
  let current = pki
  const controlPlane = await startControlPlane({
    store,
    clock,
    random: systemRandom(),
    log,
    security: {
      serviceAccountKey: pki.serviceAccountKey,
      kubeletClient: () => current.kubeletClient,
      nodeAuthority: pki.ca.cert,
    },
    serviceCidr: config.serviceCidr,
    podCidr: config.podCidr,
    nodeCidr: config.nodeCidr,
    advertise: { address: layout.apiIp, port: config.apiPort },
    rootCa: pki.ca.cert,
  })
  const tls = (p: Pki) => ({ cert: p.server.cert, key: p.server.key, clientCa: p.ca.cert })
  // Every address of the machine: pods and nodes use that of the cluster's bridge, people whatever they like.
  const listener = await controlPlane.server.listen({ host: '0.0.0.0', port: config.apiPort, tls: tls(pki) })
  log.info({ port: listener.port }, 'serving the API')
  const stopping = new AbortController()
  serveNames(layout, controlPlane.server, clock, log, stopping.signal)
  keepCertificatesFresh(layout, pki, clock, log, (renewed) => {
    current = renewed
    listener.renew(tls(renewed))
  })
  controlPlane.ready.then(onStarted, (cause) => {
    throw new Error('cannot start the control loops', { cause })
  })
  await stop
  log.info({}, 'stopping')
  stopping.abort()
  await controlPlane.close(3_000)
  await store.close()
  process.exit(0)
}

/** The cluster DNS of nodes whose agent is just restarting, on the API's port, which is free over UDP. */
function serveNames(layout: Layout, server: ApiServer, clock: Clock, log: Log, signal: AbortSignal): void {
  const { clusterDomain, serviceCidr, podCidr, apiPort } = layout.config
  const api = server.apiFor({ username: 'system:kube-proxy', groups: ['system:authenticated'] })
  const random = systemRandom()
  startClusterDns({
    informers: new Informers({ api, clock, random, log, signal }),
    clusterDomain,
    address: layout.apiIp,
    port: apiPort,
    udpOnly: true,
    knownAs: layout.dnsIp,
    clusterCIDRs: [serviceCidr, podCidr],
    clock,
    random,
    log: log.child({ part: 'dns' }),
    signal,
  })
}

const LONGEST_WAIT_MS = 12 * 3600 * 1000

/** Renews what is due, for as long as the process runs: nothing expires in a cluster that nobody restarts. */
function keepCertificatesFresh(
  layout: Layout,
  pki: Pki,
  clock: Clock,
  log: Log,
  renewed: (pki: Pki) => void,
): void {
  const wait = Math.min(LONGEST_WAIT_MS, Math.max(60_000, pki.renewAtMs - clock.now()))
  clock.after(wait, () => {
    ensurePki(layout.pkiDir, pkiOptions(layout, clock, log))
      .then((next) => {
        renewed(next)
        keepCertificatesFresh(layout, next, clock, log, renewed)
      })
      .catch((error) => {
        log.error({ error: String(error) }, 'cannot renew certificates')
        keepCertificatesFresh(layout, { ...pki, renewAtMs: 0 }, clock, log, renewed)
      })
  })
}
