import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
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

export interface Identity {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

async function readIdentity(layout: Layout, name: string): Promise<Identity> {
  const read = (file: string) => readFile(join(layout.pkiDir, file), 'utf8')
  try {
    const [ca, cert, key] = await Promise.all([read('ca.crt'), read(`${name}.crt`), read(`${name}.key`)])
    return { ca, cert, key }
  } catch (cause) {
    throw new Error(`cannot read the keys of "${name}" in "${layout.pkiDir}": "dhow up" makes them`, {
      cause,
    })
  }
}

/** Of the cluster's administrator, as the server's process keeps it fresh. */
export const adminIdentity = (layout: Layout) => readIdentity(layout, 'admin')

/** What a node's agent shows to the server, and to those who ask it. It never sees the authority's key. */
export async function nodeIdentity(
  layout: Layout,
  node: string,
): Promise<{ client: Identity; serving: Identity }> {
  const [client, serving] = await Promise.all([
    readIdentity(layout, `nodes/${node}/client`),
    readIdentity(layout, `nodes/${node}/serving`),
  ])
  return { client, serving }
}

/** The API as the cluster's administrator. */
export function adminApi(
  layout: Layout,
  tls: Identity,
  options: { readonly timeoutMs?: number; readonly onWarning?: (text: string) => void } = {},
): HttpsApi {
  return httpsApi({ server: layout.apiUrl, tls, userAgent: 'dhow', timeoutMs: 10_000, ...options })
}
