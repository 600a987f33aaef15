import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { attempt, run } from './exec.ts'
import type { Layout } from './layout.ts'
import { type NetworkState, type NetworkStep, NODE_SYSCTLS, planNetwork } from './network.ts'

/** Brings the machine's links, namespaces, addresses and rules to what the cluster needs; repairs what is broken. */
export async function ensureNetwork(layout: Layout): Promise<void> {
  await perform(planNetwork(layout, await readNetwork(layout), await outgoingMtu()))
  await loadBridgeFilter()
  await setSysctls(undefined)
  for (const node of layout.nodes) if (node.netnsName) await setSysctls(node.netnsName)
}

export async function perform(steps: readonly NetworkStep[]): Promise<void> {
  for (const step of steps) {
    try {
      await run(step.command, step.input === undefined ? {} : { input: step.input })
    } catch (cause) {
      throw new Error(`cannot set up the network: ${step.why}`, { cause })
    }
  }
}

interface DefaultRoute {
  readonly dev?: string
}

/** The largest packet that leaves this network namespace whole: that of the link with the default route. */
export async function outgoingMtu(): Promise<number> {
  const routes = JSON.parse(
    (await run(['ip', '-j', '-4', 'route', 'show', 'default'])) || '[]',
  ) as DefaultRoute[]
  const dev = routes[0]?.dev
  if (!dev) return DEFAULT_MTU
  const links = JSON.parse(await run(['ip', '-j', 'link', 'show', 'dev', dev])) as { mtu?: number }[]
  return links[0]?.mtu ?? DEFAULT_MTU
}

const DEFAULT_MTU = 1500

interface LinkLine {
  readonly ifname: string
}

async function linksOf(namespace?: string): Promise<Set<string>> {
  const result = await attempt(['ip', ...(namespace ? ['-n', namespace] : []), '-j', 'link', 'show'])
  if (result.exitCode !== 0) return new Set()
  return new Set((JSON.parse(result.stdout || '[]') as LinkLine[]).map((l) => l.ifname))
}

export function namedNamespaces(): string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns') : []
}

async function readNetwork(layout: Layout): Promise<NetworkState> {
  const namespaces = new Set<string>()
  const linksInside = new Map<string, Set<string>>()
  const present = new Set(namedNamespaces())
  for (const node of layout.nodes) {
    if (!node.netnsName || !present.has(node.netnsName)) continue
    // After a restart of the machine, or an interrupted removal, the name may be there without a namespace behind it.
    if ((await attempt(['ip', '-n', node.netnsName, 'link', 'show', 'lo'])).exitCode === 0) {
      namespaces.add(node.netnsName)
      linksInside.set(node.netnsName, await linksOf(node.netnsName))
    } else {
      await attempt(['ip', 'netns', 'delete', node.netnsName])
    }
  }
  return { links: await linksOf(), namespaces, linksInside }
}

async function loadBridgeFilter(): Promise<void> {
  if (existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables')) return
  const result = await attempt(['modprobe', 'br_netfilter']).catch(() => undefined)
  if (result?.exitCode !== 0)
    throw new Error(
      'cannot load kernel module "br_netfilter": without it, pods of one node do not reach each other through a Service',
    )
}

async function setSysctls(namespace: string | undefined): Promise<void> {
  if (namespace) {
    const script = Object.entries(NODE_SYSCTLS).map(([key, value]) => `echo ${value} > /proc/sys/${key}`)
    await run(['nsenter', `--net=/run/netns/${namespace}`, 'sh', '-ec', script.join('\n')])
    return
  }
  for (const [key, value] of Object.entries(NODE_SYSCTLS)) {
    const path = `/proc/sys/${key}`
    // The host's reverse path filter is the administrator's decision: loose filtering (2) is enough for us.
    if (key.endsWith('rp_filter')) {
      if (readFileSync(path, 'utf8').trim() === '1') await writeFile(path, '2')
    } else if (readFileSync(path, 'utf8').trim() !== value) {
      await writeFile(path, value)
    }
  }
}

/** Removes every link, namespace, route and rule of the cluster. Finds them by name, so it also works on half a cluster. */
export async function removeNetwork(layout: Layout): Promise<void> {
  const prefix = `dhow-${layout.config.name}-node`
  for (const name of namedNamespaces()) {
    if (name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
      await run(['ip', 'netns', 'delete', name])
  }
  const slot = layout.config.slot
  const ours = new RegExp(`^dhow${slot}(|pods|n\\d+|dns)$`)
  for (const link of await linksOf()) if (ours.test(link)) await attempt(['ip', 'link', 'delete', link])
  await deleteTables(layout)
}

async function deleteTables(layout: Layout): Promise<void> {
  const result = await attempt(['nft', '-j', 'list', 'tables']).catch(() => undefined)
  if (result?.exitCode !== 0) return
  const tables = (JSON.parse(result.stdout) as { nftables: { table?: { family: string; name: string } }[] })
    .nftables
  for (const { table } of tables) {
    if (table?.name.startsWith(`dhow${layout.config.slot}_`))
      await run(['nft', 'delete', 'table', table.family, table.name])
  }
}
