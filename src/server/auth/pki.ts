import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../base/index.ts'
import {
  type CertificateFacts,
  type CertifiedKey,
  certificateFacts,
  isIssuedBy,
  issueCertificate,
  makeAuthority,
  newPrivateKey,
  publicKeyOf,
} from './certificates.ts'

const DAY_MS = 24 * 3600 * 1000
const AUTHORITY_LIFETIME_MS = 10 * 365 * DAY_MS
const AUTHORITY_NAME = 'dhow-ca'
const LEAF_LIFETIME_MS = 365 * DAY_MS
/** Certificates count from a little in the past, so that machines whose clocks lag accept them at once. */
const CLOCK_SKEW_MS = 5 * 60 * 1000

export interface PkiOptions {
  readonly clock: Clock
  /** The `kubernetes` Service's address, the first of the service CIDR: '10.96.0.1'. */
  readonly serviceIp: string
  /** 'cluster.local'. */
  readonly clusterDomain?: string
  /** More names and addresses under which clients reach the server. */
  readonly serverNames?: readonly string[]
  readonly serverIps?: readonly string[]
  /** Nodes to hold a client and a serving certificate for. */
  readonly nodes?: readonly NodeIdentity[]
  readonly log?: (message: string) => void
}

export interface NodeIdentity {
  readonly name: string
  readonly ips: readonly string[]
}

/** Keys and certificates of one cluster, as PEM texts. */
export interface Pki {
  readonly ca: CertifiedKey
  /** The API server's serving certificate. */
  readonly server: CertifiedKey
  /** kubernetes-admin, group system:masters. */
  readonly admin: CertifiedKey
  readonly scheduler: CertifiedKey
  readonly controllerManager: CertifiedKey
  /** What the server shows to node agents: kube-apiserver-kubelet-client, group system:masters. */
  readonly kubeletClient: CertifiedKey
  /** Signs service account tokens (ES256). */
  readonly serviceAccountKey: { readonly privateKey: string; readonly publicKey: string }
  readonly nodes: Readonly<Record<string, NodeCertificates>>
  /** When the first of them should be renewed (milliseconds since 1970): run `ensurePki` again then. */
  readonly renewAtMs: number
}

export interface NodeCertificates {
  /** system:node:<name>, group system:nodes: the agent's identity towards the server. */
  readonly client: CertifiedKey
  /** For the agent's own HTTPS API. */
  readonly serving: CertifiedKey
}

/**
 * Makes what is missing in `dir`, renews what has less than a third of its life left or no longer fits `options`,
 * and leaves everything else as it is: running it again changes nothing. Files are 0600 and appear whole or not
 * at all. An authority near its end is signed again with its own key, so what it issued stays valid.
 * Fails when a file is there but cannot be read as what it should be: nothing is overwritten then.
 */
export async function ensurePki(dir: string, options: PkiOptions): Promise<Pki> {
  const now = options.clock.now()
  for (const node of options.nodes ?? []) checkNodeName(node.name)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const ca = await ensureAuthority(dir, now, options)
  const leaf = (name: string, identity: Identity) => ensureLeaf(dir, name, ca, identity, now, options)
  const client = (name: string, commonName: string, ...organizations: string[]) =>
    leaf(name, { commonName, organizations, usages: ['client'] })
  // The disk is the slow part: all at once.
  const [serviceAccountKey, nodes, server, admin, scheduler, controllerManager, kubeletClient] =
    await Promise.all([
      ensureServiceAccountKey(dir),
      Promise.all(
        (options.nodes ?? []).map(async (node) => [node.name, await ensureNode(node, leaf)] as const),
      ),
      leaf('apiserver', serverIdentity(options)),
      client('admin', 'kubernetes-admin', 'system:masters'),
      client('scheduler', 'system:kube-scheduler'),
      client('controller-manager', 'system:kube-controller-manager'),
      client('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', 'system:masters'),
    ])
  const ofNodes = nodes.flatMap(([, node]) => [node.client, node.serving])
  const all = [server, admin, scheduler, controllerManager, kubeletClient, ...ofNodes]
  return {
    ca,
    server,
    admin,
    scheduler,
    controllerManager,
    kubeletClient,
    serviceAccountKey,
    nodes: Object.fromEntries(nodes),
    renewAtMs: Math.min(...all.map((pair) => renewalTime(certificateFacts(pair.cert)))),
  }
}

function serverIdentity(options: PkiOptions): Identity {
  const service = 'kubernetes.default.svc'
  const domain = options.clusterDomain ?? 'cluster.local'
  return {
    commonName: 'kube-apiserver',
    usages: ['server'],
    dnsNames: unique([
      'kubernetes',
      'kubernetes.default',
      service,
      `${service}.${domain}`,
      'localhost',
      ...(options.serverNames ?? []),
    ]),
    ips: unique(['127.0.0.1', '::1', options.serviceIp, ...(options.serverIps ?? [])]),
  }
}

async function ensureNode(
  node: NodeIdentity,
  leaf: (name: string, identity: Identity) => Promise<CertifiedKey>,
): Promise<NodeCertificates> {
  const who = { commonName: `system:node:${node.name}`, organizations: ['system:nodes'] }
  const [client, serving] = await Promise.all([
    leaf(`nodes/${node.name}/client`, { ...who, usages: ['client'] }),
    leaf(`nodes/${node.name}/serving`, {
      ...who,
      usages: ['server'],
      dnsNames: unique([node.name, 'localhost']),
      ips: unique(['127.0.0.1', ...node.ips]),
    }),
  ])
  return { client, serving }
}

interface Identity {
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly usages: readonly ('client' | 'server')[]
  readonly dnsNames?: readonly string[]
  readonly ips?: readonly string[]
}

/** Why a certificate has to be made anew; undefined when it may stay. Pure: the decision of `ensurePki`. */
export function reasonToRenew(facts: CertificateFacts, wanted: Identity, nowMs: number): string | undefined {
  if (nowMs >= facts.notAfterMs) return `it expired on ${new Date(facts.notAfterMs).toISOString()}`
  if (nowMs < facts.notBeforeMs) return `it is not valid before ${new Date(facts.notBeforeMs).toISOString()}`
  if (nowMs >= renewalTime(facts)) return `it expires on ${new Date(facts.notAfterMs).toISOString()}`
  if (facts.commonName !== wanted.commonName) return `it names ${facts.commonName}`
  if (!sameSet(facts.organizations, wanted.organizations ?? [])) return 'its organizations differ'
  const missing = [
    ...(wanted.dnsNames ?? []).filter((name) => !facts.dnsNames.includes(name)),
    ...(wanted.ips ?? []).filter((ip) => !facts.ips.includes(canonicalIp(ip))),
  ]
  return missing.length > 0 ? `it lacks ${missing.join(', ')}` : undefined
}

/** Two thirds into its life. */
function renewalTime(facts: CertificateFacts): number {
  return facts.notAfterMs - (facts.notAfterMs - facts.notBeforeMs) / 3
}

async function ensureAuthority(dir: string, nowMs: number, options: PkiOptions): Promise<CertifiedKey> {
  const key = await readIfThere(join(dir, 'ca.key'))
  const cert = await readIfThere(join(dir, 'ca.crt'))
  if (key === undefined && cert !== undefined) throw brokenAuthority(dir, 'ca.key is missing')
  if (key !== undefined && cert !== undefined) {
    if (!isIssuedBy({ cert, key }, { cert, key })) throw brokenAuthority(dir, 'the two do not match')
    const reason = reasonToRenew(certificateFacts(cert), { commonName: AUTHORITY_NAME, usages: [] }, nowMs)
    if (reason === undefined) return { cert, key }
    options.log?.(`signing the certificate authority again: ${reason}`)
  }
  const ca = await makeAuthority({
    commonName: AUTHORITY_NAME,
    notBeforeMs: nowMs - CLOCK_SKEW_MS,
    notAfterMs: nowMs + AUTHORITY_LIFETIME_MS,
    serial: randomBytes(16).toString('hex'),
    ...(key === undefined ? {} : { key }),
  })
  await writePair(dir, 'ca', ca)
  return ca
}

function brokenAuthority(dir: string, found: string): Error {
  return new Error(
    `cannot use the certificate authority in "${dir}": expected ca.crt and ca.key that belong together, but ${found}; ` +
      'restore both, or remove both to start with a new one (all certificates are then made anew)',
  )
}

async function ensureLeaf(
  dir: string,
  name: string,
  ca: CertifiedKey,
  identity: Identity,
  nowMs: number,
  options: PkiOptions,
): Promise<CertifiedKey> {
  const found = await readPair(dir, name)
  if (found) {
    const reason = isIssuedBy(found, ca)
      ? reasonToRenew(certificateFacts(found.cert), identity, nowMs)
      : 'it was not issued by this authority for this key'
    if (reason === undefined) return found
    options.log?.(`renewing certificate ${name}: ${reason}`)
  }
  const pair = await issueCertificate(ca, {
    ...identity,
    notBeforeMs: nowMs - CLOCK_SKEW_MS,
    notAfterMs: Math.min(nowMs + LEAF_LIFETIME_MS, certificateFacts(ca.cert).notAfterMs),
    serial: randomBytes(16).toString('hex'),
  })
  await writePair(dir, name, pair)
  return pair
}

async function ensureServiceAccountKey(dir: string): Promise<Pki['serviceAccountKey']> {
  const path = join(dir, 'sa.key')
  let privateKey = await readIfThere(path)
  if (privateKey === undefined) {
    privateKey = newPrivateKey()
    await writeWhole(path, privateKey)
  }
  try {
    return { privateKey, publicKey: publicKeyOf(privateKey) }
  } catch (cause) {
    throw new Error(
      `cannot use service account key "${path}": expected a PEM private key; restore it, or remove it (every issued token then ends)`,
      { cause },
    )
  }
}

function checkNodeName(name: string): void {
  if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name) || name.includes('..')) {
    throw new Error(
      `cannot make certificates for node ${JSON.stringify(name)}: expected a lower case DNS name`,
    )
  }
}

/** undefined unless both halves are there: a crash between writing the two leaves a key alone. */
async function readPair(dir: string, name: string): Promise<CertifiedKey | undefined> {
  const [cert, key] = await Promise.all([
    readIfThere(join(dir, `${name}.crt`)),
    readIfThere(join(dir, `${name}.key`)),
  ])
  return cert === undefined || key === undefined ? undefined : { cert, key }
}

async function writePair(dir: string, name: string, pair: CertifiedKey): Promise<void> {
  await mkdir(dirname(join(dir, name)), { recursive: true, mode: 0o700 })
  await writeWhole(join(dir, `${name}.key`), pair.key)
  await writeWhole(join(dir, `${name}.crt`), pair.cert)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The file holds all of `text`, on disk, or what it held before. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

const unique = (values: readonly string[]) => [...new Set(values)]

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value) => b.includes(value))
}

/** As OpenSSL prints it: IPv6 in full, upper case, without leading zeros. */
function canonicalIp(ip: string): string {
  if (!ip.includes(':')) return ip
  const [head = '', tail] = ip.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle =
    tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  return [...left, ...middle, ...right]
    .map((part) => Number.parseInt(part, 16).toString(16).toUpperCase())
    .join(':')
}
