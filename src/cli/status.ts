import { access } from 'node:fs/promises'
import { Node, Pod } from '../api/index.ts'
import { errorText } from '../base/index.ts'
import {
  adminApi,
  adminIdentity,
  clusterParts,
  isAliveSync,
  type Layout,
  listClusters,
  readSupervisorState,
  type SupervisorState,
} from '../cluster/index.ts'
import { type ClusterOptions, type Context, existingCluster } from './context.ts'
import { table } from './output.ts'
import { podTroubles } from './pod-trouble.ts'

/** Something that is not as it should be, and what the user can do about it. */
interface Trouble {
  readonly what: string
  readonly todo: string
}

export async function statusCommand(options: ClusterOptions, context: Context): Promise<void> {
  const { terminal } = context
  const { config, layout } = await existingCluster(options)
  const state = await readSupervisorState(layout.runDir).catch(() => undefined)
  const upCommand = `dhow up${config.name === 'dhow' ? '' : ` --name ${config.name}`}`
  const { rows, troubles } = describeParts(layout, state, upCommand)
  terminal.out.write(`cluster "${config.name}": ${layout.apiUrl}, data in ${config.dataDir}\n\n`)
  terminal.out.write(table([['PART', 'STATE', 'PID', 'SINCE', 'RESTARTS', 'LAST EXIT'], ...rows]))
  if (await canRead(layout.pkiDir)) {
    if (rows.some(([part, is]) => part === 'server' && is === 'runs'))
      troubles.push(...(await describeNodes(layout, context)))
  } else {
    troubles.push({
      what: 'the nodes are not looked at: the keys need root to read',
      todo: 'sudo dhow status',
    })
  }
  const others = (await listClusters()).filter((c) => c.name !== config.name).map((c) => c.name)
  if (others.length > 0) terminal.out.write(`\nother clusters of this machine: ${others.join(', ')}\n`)
  if (troubles.length === 0) {
    terminal.out.write('\nall is well\n')
    return
  }
  terminal.out.write(
    `\n${troubles
      .slice(0, MAX_TROUBLES)
      .map((t) => `! ${t.what}\n  → ${t.todo}`)
      .join('\n')}\n`,
  )
  if (troubles.length > MAX_TROUBLES) terminal.out.write(`and ${troubles.length - MAX_TROUBLES} more\n`)
  process.exitCode = 1
}

const SETTLE_MS = 30_000
const MAX_TROUBLES = 20

const canRead = (dir: string) =>
  access(`${dir}/ca.key`)
    .then(() => true)
    .catch(() => process.getuid?.() === 0)

function describeParts(
  layout: Layout,
  state: SupervisorState | undefined,
  upCommand: string,
): { rows: string[][]; troubles: Trouble[] } {
  const troubles: Trouble[] = []
  const supervised = state !== undefined && isAliveSync(state.supervisor)
  const rows = [
    [
      'supervisor',
      supervised ? 'runs' : 'stopped',
      supervised ? String(state.supervisor.pid) : '',
      '',
      '',
      '',
    ],
  ]
  let running = 0
  for (const part of clusterParts(layout)) {
    const known = state?.parts[part.name]
    const alive = known?.process !== undefined && isAliveSync(known.process)
    if (alive) running++
    rows.push([
      part.name,
      alive ? 'runs' : supervised ? 'starting' : 'stopped',
      alive ? String(known.process!.pid) : '',
      alive ? known.startedAt : '',
      String(known?.restarts ?? 0),
      known?.lastExit ?? '',
    ])
    if (supervised && !alive)
      troubles.push({
        what: `${part.name} does not run (${known?.lastExit ?? 'not started yet'})`,
        todo: `look at ${part.log}`,
      })
  }
  if (!supervised && running === 0) troubles.push({ what: 'the cluster is down', todo: upCommand })
  else if (!supervised)
    troubles.push({ what: 'the supervisor is gone: nothing restarts what ends', todo: upCommand })
  return { rows, troubles }
}

async function describeNodes(layout: Layout, { clock, terminal }: Context): Promise<Trouble[]> {
  const api = adminApi(layout, await adminIdentity(layout), 5_000)
  const troubles: Trouble[] = []
  try {
    const [{ items }, pods] = await Promise.all([api.list(Node), api.list(Pod)])
    const rows = layout.nodes.map(({ name, ip }) => {
      const node = items.find((n) => n.metadata.name === name)
      const ready = node?.status.conditions?.find((c) => c.type === 'Ready')
      if (!node)
        troubles.push({ what: `${name} has not joined`, todo: `look at ${layout.logDir}/agent-${name}.log` })
      else if (ready?.status !== 'True') {
        troubles.push({
          what: `${name} is not Ready: ${ready?.message ?? 'it has not said why'}`,
          todo: `look at ${layout.logDir}/agent-${name}.log`,
        })
      }
      return [
        name,
        ready?.status === 'True' ? 'Ready' : node ? 'NotReady' : 'missing',
        ip,
        node?.spec.podCIDR ?? '',
      ]
    })
    terminal.out.write(`\n${table([['NODE', 'STATUS', 'ADDRESS', 'PODS'], ...rows])}`)
    const running = pods.items.filter((pod) => pod.status.phase === 'Running').length
    terminal.out.write(`\npods: ${pods.items.length}, of which ${running} run\n`)
    // What has just begun is not wrong yet.
    const settled = pods.items.filter(
      (pod) => clock.now() - Date.parse(pod.metadata.creationTimestamp) > SETTLE_MS,
    )
    for (const pod of settled) {
      for (const what of podTroubles(pod).slice(0, 1)) {
        troubles.push({
          what,
          todo: `kubectl describe pod -n ${pod.metadata.namespace} ${pod.metadata.name}`,
        })
      }
    }
  } catch (error) {
    troubles.push({
      what: `the server does not answer: ${errorText(error)}`,
      todo: `look at ${layout.logDir}/server.log`,
    })
  } finally {
    api.close()
  }
  return troubles
}
