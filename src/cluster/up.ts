import { join } from 'node:path'
import { isApiError, Lease, Node, Pod } from '../api/index.ts'
import { type Clock, sleep } from '../base/index.ts'
import type { HttpsApi } from '../client/index.ts'
import type { Pki } from '../server/index.ts'
import { adminApi, clusterPki } from './access.ts'
import { ensureCluster } from './clusters.ts'
import { majorVersionOf, prepareContainerd } from './containerd.ts'
import { removeNode, surplusNodes, upLock } from './down.ts'
import { run } from './exec.ts'
import { lockFile, writeFileIfChanged } from './files.ts'
import { adminKubeconfig, kubeconfigText } from './kubeconfig.ts'
import { lastWords } from './last-words.ts'
import { type Layout, layoutOf } from './layout.ts'
import { cniBinDir, findProgram, lacksSysResource } from './machine.ts'
import { ensureNetwork } from './netns.ts'
import { describeMissing, installPackages, MissingPackagesError, missingRequirements } from './packages.ts'
import { partHash } from './parts.ts'
import { identify, isAliveSync } from './process.ts'
import { clusterParts, compileCode, runsOlderCode, startSupervisor } from './run.ts'
import type { Wishes } from './slots.ts'
import { readSupervisorState, type SupervisorState } from './supervisor.ts'

export interface UpOptions {
  readonly wishes: Wishes
  readonly install: boolean
  readonly clock: Clock
  readonly insecureRegistries: readonly string[]
  readonly timeoutMs: number
  readonly steps: Steps
  /** The keys are there: what a kubeconfig needs, before the server answers. `runs`: the cluster does so already. */
  readonly onKeys: (layout: Layout, pki: Pki, runs: boolean) => Promise<void>
}

/** How `up` tells what it is doing. */
export interface Steps {
  begin(text: string): void
  update(text: string): void
  end(text?: string): void
  note(text: string): void
}

export interface UpResult {
  readonly layout: Layout
  readonly pki: Pki
  readonly api: HttpsApi
  /** It ran already, and nothing was changed. */
  readonly unchanged: boolean
  /** And some of it was started before the code last changed. */
  readonly isOlder: boolean
}

/** Starts a cluster, or repairs one that is there in part; resolves once all its nodes are Ready. */
export async function up(options: UpOptions): Promise<UpResult> {
  const { clock, steps } = options
  const onWarning = (text: string) => steps.note(`Warning: ${text}`)
  await ensurePackages(options)
  const { config } = await ensureCluster(options.wishes, clock)
  const layout = layoutOf(config)
  const release = await lockFile(upLock(layout), clock, 60_000, (pid) =>
    steps.update(`waiting for process ${pid}, which brings this cluster up or down`),
  )
  try {
    const runs = await isRunning(layout)
    if (runs) {
      const pki = await clusterPki(layout, clock)
      await options.onKeys(layout, pki, true)
      const api = adminApi(layout, { ca: pki.ca.cert, ...pki.admin }, { onWarning })
      if ((await notReady(layout, api)).length === 0) {
        const state = await readSupervisorState(layout.runDir)
        return { layout, pki, api, unchanged: true, isOlder: await runsOlderCode(state) }
      }
      api.close()
    }
    steps.begin('preparing keys, network and containerd')
    const [pki] = await Promise.all([
      clusterPki(layout, clock),
      ensureNetwork(layout),
      prepareNodes(layout, options),
      compileCode(),
    ])
    const kubeconfig = adminKubeconfig(layout, {
      caPem: pki.ca.cert,
      certPem: pki.admin.cert,
      keyPem: pki.admin.key,
    })
    await writeFileIfChanged(layout.kubeconfig, kubeconfigText(kubeconfig), 0o600)
    steps.end('keys, network and containerd are prepared')
    await options.onKeys(layout, pki, false)
    await startSupervisor(layout, clock)
    const api = adminApi(layout, { ca: pki.ca.cert, ...pki.admin }, { onWarning })
    await waitForNodes(layout, api, options)
    await removeSurplus(layout, api, options)
    return { layout, pki, api, unchanged: false, isOlder: false }
  } finally {
    await release()
  }
}

/** After `--nodes` with a smaller number: the others leave the machine, then the cluster. */
async function removeSurplus(layout: Layout, api: HttpsApi, { clock, steps }: UpOptions): Promise<void> {
  for (const node of await surplusNodes(layout)) {
    steps.begin(`removing ${node.name}`)
    await removeNode(layout, node, clock)
    await ignoringAbsence(api.delete(Node, { name: node.name }))
    // Their containers are gone, and nobody is left to say so.
    const { items } = await api.list(Pod, { fieldSelector: `spec.nodeName=${node.name}` })
    for (const { metadata } of items) {
      const key = { namespace: metadata.namespace, name: metadata.name }
      const preconditions = { uid: metadata.uid }
      await ignoringAbsence(api.delete(Pod, key, { gracePeriodSeconds: 0, preconditions }))
    }
    steps.end(`${node.name} is removed`)
  }
}

async function ignoringAbsence(deletion: Promise<unknown>): Promise<void> {
  await deletion.catch((error) => {
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error
  })
}

async function ensurePackages({ install, steps }: UpOptions): Promise<void> {
  const missing = missingRequirements()
  if (missing.length === 0) return
  if (!install) throw new MissingPackagesError(missing, 'these are missing, and --no-install was given:')
  steps.note(`installing what is missing:\n${describeMissing(missing)}`)
  steps.begin('installing packages')
  await installPackages(missing, (line) => steps.update(`installing packages: ${line.trim().slice(0, 60)}`))
  steps.end('packages are installed')
}

async function prepareNodes(layout: Layout, options: UpOptions): Promise<void> {
  const version = await run([findProgram('containerd')!, '--version'])
  const containerd = {
    majorVersion: majorVersionOf(version),
    cniBinDir: cniBinDir()!,
    restrictOomScore: lacksSysResource(),
    insecureRegistries: options.insecureRegistries,
  }
  await Promise.all(layout.nodes.map((node) => prepareContainerd(node.containerd, containerd)))
}

/** Whether the supervisor and every part of it run, as this version would start them. */
async function isRunning(layout: Layout): Promise<boolean> {
  const state = await readSupervisorState(layout.runDir).catch(() => undefined)
  if (!keeps(state, layout) || (await surplusNodes(layout)).length > 0) return false
  return Object.values(state.parts).every((part) => part.process && identify(part.process.pid) !== undefined)
}

/** Whether a supervisor lives that keeps just these parts: after a change, the old ones have ended then. */
function keeps(state: SupervisorState | undefined, layout: Layout): state is SupervisorState {
  if (!state || !isAliveSync(state.supervisor)) return false
  const parts = clusterParts(layout)
  const kept = state.parts
  return (
    Object.keys(kept).length === parts.length &&
    parts.every((part) => kept[part.name]?.hash === partHash(part))
  )
}

const nodeIsReady = (node: Node) =>
  node.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false

/**
 * Names of the cluster's nodes that are not Ready (also when the server does not answer). A node counts only when its
 * agent gave a sign of life since it was started: what it said in an earlier life is no news.
 */
export async function notReady(layout: Layout, api: HttpsApi): Promise<string[]> {
  const names = layout.nodes.map((node) => node.name)
  try {
    const [nodes, leases, state] = await Promise.all([
      api.list(Node),
      api.list(Lease, { namespace: 'kube-node-lease' }),
      readSupervisorState(layout.runDir),
    ])
    const renewed = new Map(leases.items.map((l) => [l.metadata.name, Date.parse(l.spec.renewTime ?? '')]))
    const startedAt = (name: string) => Date.parse(state?.parts[`agent-${name}`]?.startedAt ?? '')
    const isNews = (name: string) => (renewed.get(name) ?? 0) >= startedAt(name)
    const ready = new Set(nodes.items.filter(nodeIsReady).map((node) => node.metadata.name))
    return names.filter((name) => !ready.has(name) || !isNews(name))
  } catch {
    return names
  }
}

async function waitForNodes(
  layout: Layout,
  api: HttpsApi,
  { clock, steps, timeoutMs }: UpOptions,
): Promise<void> {
  const deadline = clock.monotonic() + timeoutMs
  const before = await readSupervisorState(layout.runDir).catch(() => undefined)
  const late = (): never => {
    throw new Error(
      `cannot finish "up": not done after ${timeoutMs / 1000} s; "dhow status" says what is wrong, and logs are in "${layout.logDir}"`,
    )
  }
  steps.begin('starting the server')
  const areKept = async () => keeps(await readSupervisorState(layout.runDir).catch(() => undefined), layout)
  while (!(await areKept()) || !(await answers(api))) {
    await failOnCrashLoop(layout, before)
    if (clock.monotonic() > deadline) late()
    await sleep(clock, 25)
  }
  steps.end('the server answers')
  const all = layout.nodes.length
  const what = (missing: number) =>
    all === 1
      ? 'waiting for the node to be Ready'
      : `waiting for the nodes: ${all - missing} of ${all} are Ready`
  steps.begin(what(all))
  for (;;) {
    const missing = await notReady(layout, api)
    if (missing.length === 0) break
    await failOnCrashLoop(layout, before)
    if (clock.monotonic() > deadline) late()
    steps.update(what(missing.length))
    await sleep(clock, 25)
  }
  steps.end(all === 1 ? 'the node is Ready' : `${all} nodes are Ready`)
}

const HOPELESS_RESTARTS = 4

/** A part that ends again and again will not come up by waiting. */
async function failOnCrashLoop(layout: Layout, before: SupervisorState | undefined): Promise<void> {
  const state = await readSupervisorState(layout.runDir).catch(() => undefined)
  for (const [name, part] of Object.entries(state?.parts ?? {})) {
    const restarts = part.restarts - (before?.parts[name]?.restarts ?? 0)
    if (part.process || restarts < HOPELESS_RESTARTS) continue
    const log = join(layout.logDir, `${name}.log`)
    const words = (await lastWords(log)).replaceAll('\n', '\n  ')
    throw new Error(
      `cannot start ${name}: it ended ${restarts} times, at last with ${part.lastExit}; "${log}" says\n  ${words}`,
    )
  }
}

async function answers(api: HttpsApi): Promise<boolean> {
  try {
    const response = await api.request({ path: '/readyz' })
    response.body.resume()
    return true
  } catch {
    return false
  }
}
