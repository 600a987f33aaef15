import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Clock } from '../base/index.ts'
import { run } from './exec.ts'
import { lockFile, readJson, writeFileIfChanged } from './files.ts'
import { type ClusterConfig, checkName, defaultDataDir, layoutOf } from './layout.ts'
import { changedCluster, newCluster, type Wishes } from './slots.ts'

/** Which clusters there are on this machine, so that two never take the same subnets, ports or names. */
const REGISTRY = '/var/lib/dhow/clusters.json'

interface Registry {
  readonly clusters: readonly ClusterConfig[]
}

/** The longest data dir that still leaves room for containerd's socket: a Unix socket's path has 107 bytes at most. */
const MAX_DATA_DIR_BYTES = 56

const configOf = (dataDir: string) => readJson<ClusterConfig>(`${dataDir}/cluster.json`)

/**
 * The clusters whose data is still there, and those whose data was deleted under them while they ran: something has to
 * take what is left of them away.
 */
export async function listClusters(): Promise<ClusterConfig[]> {
  const registry = (await readJson<Registry>(REGISTRY)) ?? { clusters: [] }
  const configs = await Promise.all(
    registry.clusters.map(async (known) => {
      const config = await configOf(known.dataDir)
      if (config?.name === known.name) return config
      return config === undefined && hasRemains(known) ? { ...UNTOLD, ...known } : undefined
    }),
  )
  return configs.filter((config) => config !== undefined)
}

/** Whether a cluster's network is on the machine: it comes with `up`, and goes with `down` or a restart. */
const hasRemains = (known: ClusterConfig) =>
  existsSync(`/sys/class/net/${layoutOf({ ...UNTOLD, ...known }).nodeBridge}`)

/** What the lists of earlier versions left out. */
const UNTOLD = { version: 1, nodes: 1, clusterDomain: 'cluster.local' } as const

/** Whether the data of a cluster was deleted while it ran. */
export const hasLostData = (config: ClusterConfig) => !existsSync(layoutOf(config).configFile)

/** The cluster of that name, or in that data dir; undefined when there is none. */
export async function findCluster(name: string, dataDir?: string): Promise<ClusterConfig | undefined> {
  checkName(name)
  const known = (await listClusters()).find((c) => c.name === name)
  if (dataDir !== undefined) {
    const config = await configOf(resolve(dataDir))
    if (config && config.name !== name) {
      throw new Error(
        `cannot use data dir "${dataDir}" for cluster "${name}": it holds cluster "${config.name}" (give --name ${config.name})`,
      )
    }
    return config ?? (known?.dataDir === resolve(dataDir) ? known : undefined)
  }
  return known ?? configOf(defaultDataDir(name))
}

/** The cluster as wished for: the one that exists, changed where that is possible, or a new one, written down. */
export async function ensureCluster(
  wishes: Wishes,
  clock: Clock,
): Promise<{ config: ClusterConfig; isNew: boolean }> {
  checkName(wishes.name)
  const dataDir = wishes.dataDir === undefined ? undefined : resolve(wishes.dataDir)
  const release = await lockFile(`${REGISTRY}.lock`, clock)
  try {
    const existing = await findCluster(wishes.name, dataDir)
    if (existing && hasLostData(existing)) {
      throw new Error(
        `cannot start cluster "${existing.name}": its data in "${existing.dataDir}" was deleted while it ran ("dhow down --name ${existing.name}" takes away what is left of it)`,
      )
    }
    const others = (await listClusters()).filter((c) => c.name !== wishes.name)
    const clash = (await listClusters()).find(
      (c) => c.name === wishes.name && dataDir !== undefined && c.dataDir !== dataDir,
    )
    if (clash)
      throw new Error(
        `cannot make cluster "${wishes.name}" in "${dataDir}": it exists in "${clash.dataDir}" (leave --data-dir out, or give another --name)`,
      )
    const config = existing
      ? changedCluster(existing, wishes)
      : newCluster({ ...wishes, dataDir }, others, {
          networks: await machineNetworks(),
          portIsFree: portProbe(),
        })
    if (Buffer.byteLength(config.dataDir) > MAX_DATA_DIR_BYTES) {
      throw new Error(
        `cannot use data dir "${config.dataDir}": expected at most ${MAX_DATA_DIR_BYTES} bytes (the sockets in it have long names)`,
      )
    }
    await makeDataDir(config.dataDir)
    await writeFileIfChanged(layoutOf(config).configFile, `${JSON.stringify(config, undefined, 2)}\n`)
    await register([...others, config])
    return { config, isNew: existing === undefined }
  } finally {
    await release()
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'its disk is read-only',
  ENOSPC: 'its disk is full',
  EDQUOT: 'the quota of its disk is used up',
  EACCES: 'permission denied',
  EEXIST: 'a file has that name',
  ENOTDIR: 'a file is in the way',
}

async function makeDataDir(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o711 })
  } catch (cause) {
    // Making the folders above it as well, Node calls whatever goes wrong "no such file".
    const plain = await mkdir(dir).then(
      () => cause,
      (error) => error,
    )
    const reason = REASONS[(plain as NodeJS.ErrnoException).code ?? ''] ?? String(plain)
    throw new Error(`cannot make data dir "${dir}": ${reason} (give another --data-dir)`)
  }
}

/** Forgets a cluster whose data is being deleted. */
export async function forgetCluster(name: string, clock: Clock): Promise<void> {
  const release = await lockFile(`${REGISTRY}.lock`, clock)
  try {
    await register((await listClusters()).filter((c) => c.name !== name))
  } finally {
    await release()
  }
}

async function register(clusters: readonly ClusterConfig[]): Promise<void> {
  const sorted = [...clusters].sort((a, b) => a.slot - b.slot)
  await writeFileIfChanged(REGISTRY, `${JSON.stringify({ clusters: sorted }, undefined, 2)}\n`)
}

interface RouteLine {
  readonly dst?: string
}

async function machineNetworks(): Promise<string[]> {
  const routes = JSON.parse(
    (await run(['ip', '-j', '-4', 'route', 'show', 'table', 'all'])) || '[]',
  ) as RouteLine[]
  const networks = routes
    .map((r) => r.dst ?? 'default')
    .filter((dst) => dst !== 'default' && dst !== '0.0.0.0/0')
  return networks.map((dst) => (dst.includes('/') ? dst : `${dst}/32`)).filter((dst) => /^[\d./]+$/.test(dst))
}

/** Whether anything listens on a TCP port of this machine, from /proc: no socket is opened. */
function portProbe(): (port: number) => boolean {
  const used = new Set<number>()
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text = ''
    try {
      text = readFileSync(file, 'utf8')
    } catch {
      continue // no IPv6
    }
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      if (fields[3] === '0A') used.add(Number.parseInt(fields[1]!.split(':')[1]!, 16))
    }
  }
  return (port) => !used.has(port)
}
