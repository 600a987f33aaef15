import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/index.ts'
import { removeCgroup } from './cgroups.ts'
import { forgetCluster } from './clusters.ts'
import { attempt } from './exec.ts'
import { lockFile } from './files.ts'
import { type Layout, layoutOf, type NodeLayout } from './layout.ts'
import { unmountBelow } from './mounts.ts'
import { removeNetwork } from './netns.ts'
import { removeHostPortRules } from './portmap.ts'
import { findProcesses, identify, stopProcess } from './process.ts'
import { removeSandboxes } from './sandboxes.ts'

export interface DownOptions {
  readonly layout: Layout
  readonly clock: Clock
  /** Delete the cluster's data too. */
  readonly purge: boolean
  /** How long containers have to end by themselves. */
  readonly graceMs?: number
  readonly onStep?: (what: string) => void
}

/**
 * Stops a cluster and removes everything of it from the machine: processes, containers, mounts, links, namespaces,
 * cgroups, nft tables. Nothing is taken from memory or trusted to be complete: each step finds what is there by its
 * name, so it works after any crash, and twice.
 */
export async function down(options: DownOptions): Promise<void> {
  const { layout, clock, purge } = options
  const step = options.onStep ?? (() => {})
  const release = await lockFile(upLock(layout), clock, 60_000, (pid) =>
    step(`waiting for process ${pid}, which brings this cluster up or down`),
  )
  try {
    step('stopping the supervisor, the server and the agents')
    await stopOurs(layout, clock)
    step('stopping the containers')
    const nodes = [...layout.nodes, ...(await surplusNodes(layout))]
    await stopRuntimes(nodes, clock, options.graceMs ?? 10_000)
    step('removing cgroups, mounts and the network')
    await removeCgroup(layout.cgroupRoot, clock)
    await unmountBelow(layout.config.dataDir)
    await removeNetwork(layout)
    await removeHostPortRules(layout.config.podCidr)
    for (const node of nodes) await rm(join(node.dir, 'ipam'), { recursive: true, force: true })
    await rm(join(layout.runDir, 'supervisor.json'), { force: true })
    if (purge) {
      step('deleting the data')
      await forgetCluster(layout.config.name, clock)
      await rm(layout.config.dataDir, { recursive: true, force: true })
    }
  } finally {
    await release()
  }
}

/** Held by whatever brings the cluster up or down. Not in the data dir, which a purge deletes. */
export const upLock = (layout: Layout) => `/run/dhow/${layout.config.name}.lock`

/** Processes of the `dhow` program that work for this cluster: `… supervisor --data-dir DIR`. */
export async function ourProcesses(layout: Layout, commands: readonly string[]) {
  const { dataDir } = layout.config
  return findProcesses((args) => {
    const at = args.indexOf('--data-dir')
    return at > 0 && args[at + 1] === dataDir && args.some((arg) => commands.includes(arg))
  })
}

/** The supervisor first, or it would start the others again; until none is left, for they may have started one. */
async function stopOurs(layout: Layout, clock: Clock): Promise<void> {
  for (;;) {
    const supervisors = await ourProcesses(layout, ['supervisor'])
    const others = await ourProcesses(layout, ['guard', 'agent', 'server', 'revive'])
    if (supervisors.length + others.length === 0) return
    await Promise.all(supervisors.map((p) => stopPid(p.pid, clock, 5_000)))
    await Promise.all(others.map((p) => stopPid(p.pid, clock, 10_000)))
  }
}

async function stopPid(pid: number, clock: Clock, graceMs: number): Promise<void> {
  const identity = identify(pid)
  if (identity) await stopProcess(identity, clock, graceMs)
}

/** Ends the pods of these nodes, then their containerd and whatever of it is left. */
async function stopRuntimes(nodes: readonly NodeLayout[], clock: Clock, graceMs: number): Promise<void> {
  await Promise.all(nodes.map((node) => removeSandboxes(node.containerd.socket, clock, graceMs)))
  await stopContainerds(nodes, clock)
  await stopShims(nodes, clock)
}

/** Numbers of the nodes that have files in the data dir and are no longer part of the cluster. */
export async function surplusNodes(layout: Layout): Promise<NodeLayout[]> {
  const names = await readdir(join(layout.config.dataDir, 'nodes')).catch(() => [])
  const numbers = names
    .map((name) => Number(/^node(\d+)$/.exec(name)?.[1] ?? 0))
    .filter((n) => n > layout.nodes.length)
  return numbers.map((nodes) => layoutOf({ ...layout.config, nodes }).nodes.at(-1)!)
}

/** Takes a node that is no longer wanted off the machine, with its data. Nothing starts its processes any more. */
export async function removeNode(layout: Layout, node: NodeLayout, clock: Clock): Promise<void> {
  const agents = await findProcesses(
    (args) => args.includes(layout.config.dataDir) && args[args.indexOf('--node') + 1] === node.name,
  )
  await Promise.all(agents.map((p) => stopPid(p.pid, clock, 10_000)))
  await stopRuntimes([node], clock, 10_000)
  await removeCgroup(node.cgroupBase, clock)
  await unmountBelow(node.dir)
  if (node.netnsName) await attempt(['ip', 'netns', 'delete', node.netnsName])
  await rm(node.dir, { recursive: true, force: true })
}

async function stopContainerds(nodes: readonly NodeLayout[], clock: Clock): Promise<void> {
  const configs = new Set(nodes.map((node) => node.containerd.config))
  const found = await findProcesses((args) => args[1] === '--config' && configs.has(args[2] ?? ''))
  await Promise.all(found.map((p) => stopPid(p.pid, clock, 10_000)))
}

/**
 * Shims are the parents of containers; they outlive containerd. Killing one kills no container: the cgroup does. Each
 * leaves the address of its socket beside its container's state.
 */
async function stopShims(nodes: readonly NodeLayout[], clock: Clock): Promise<void> {
  const sockets = new Set(nodes.map((node) => node.containerd.socket))
  const found = await findProcesses((args) => {
    return args[0]!.includes('containerd-shim') && sockets.has(args[args.indexOf('-address') + 1] ?? '')
  })
  await Promise.all(found.map((shim) => stopPid(shim.pid, clock, 0)))
  for (const node of nodes) {
    const tasks = join(node.containerd.state, 'io.containerd.runtime.v2.task', 'k8s.io')
    for (const id of await readdir(tasks).catch(() => [])) {
      const address = await readFile(join(tasks, id, 'address'), 'utf8').catch(() => '')
      const socket = address.replace(/^unix:\/\//, '')
      if (socket.startsWith('/run/containerd/s/')) await rm(socket, { force: true })
    }
  }
}
