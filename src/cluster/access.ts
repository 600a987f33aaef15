import type { Clock, Log } from '../base/index.ts'
import { type HttpsApi, httpsApi } from '../client/index.ts'
import type { Pki, PkiOptions } from '../server/index.ts'
import type { Layout } from './layout.ts'

/** Which keys and certificates the cluster needs. */
export function pkiOptions(layout: Layout, clock: Clock, log?: Log): PkiOptions {
  return {
    clock,
    serviceIp: layout.kubernetesServiceIp,
    clusterDomain: layout.config.clusterDomain,
    serverIps: [layout.apiIp],
    nodes: layout.nodes.map((node) => ({ name: node.name, ips: [node.ip] })),
    ...(log ? { log: (message: string) => log.info({}, message) } : {}),
  }
}

/** The cluster's keys and certificates: made when missing, renewed when due. */
export async function clusterPki(layout: Layout, clock: Clock): Promise<Pki> {
  const { ensurePki } = await import('../server/index.ts')
  return ensurePki(layout.pkiDir, pkiOptions(layout, clock))
}

/** The API as the cluster's administrator. */
export function adminApi(layout: Layout, pki: Pki, timeoutMs = 10_000): HttpsApi {
  return httpsApi({
    server: layout.apiUrl,
    tls: { ca: pki.ca.cert, cert: pki.admin.cert, key: pki.admin.key },
    userAgent: 'dhow',
    timeoutMs,
  })
}
