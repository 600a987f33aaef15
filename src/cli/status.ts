import { access, statfs } from 'node:fs/promises'
import { Node, Pod } from '../api/index.ts'
import { errorText } from '../base/index.ts'
import {
  adminApi,
  adminIdentity,
  clusterParts,
  hasLostData,
  isAliveSync,
  type Layout,
  lastWords,
  listClusters,
  lockHolder,
  type PartState,
  readSupervisorState,
  type SupervisorState,
  upLock,
} from '../cluster/index.ts'
import { type ClusterOptions, type Context, existingCluster, nameFlag } from './context.ts'
import { table } from './output.ts'
import { groupedTroubles, lookCommand } from './pod-trouble.ts'

/** Something that is not as it should be, and what the user can do about it. */
interface Trouble {
  readonly what: string
  readonly todo: string
}

export async function statusCommand(options: ClusterOptions, context: Context): Promise<void> {
  const { terminal, self, clock } = context
  const { config, layout } = await existingCluster(options)
  if (hasLostData(config)) {
    terminal.out.write(
      `cluster "${config.name}": data in ${config.dataDir}\n\n! that data was deleted while it ran\n  → ${self} down${nameFlag(config.name)} takes away what is left of it\n`,
    )
    process.exitCode = 1
    return
  }
  const state = await readSupervisorState(layout.runDir).catch(() => undefined)
  const { rows, troubles } = await describeParts(
    layout,
    state,
    `${self} up${nameFlag(config.name)}`,
    clock.now(),
  )
  terminal.out.write(`cluster "${config.name}": ${layout.apiUrl}, data in ${config.dataDir}\n\n`)
  terminal.out.write(table([['PART', 'STATE', 'PID', 'SINCE', 'RESTARTS', 'LAST EXIT'], ...rows]))
  troubles.push(...(await diskTroubles(layout)))
  if (await canRead(layout.pkiDir)) {
    if (rows.some(([part, is]) => part === 'server' && is === 'runs'))
      troubles.push(...(await describeNodes(layout, context)))
  } else {
    troubles.push({
      what: 'the nodes are not looked at: the keys need root to read',
      todo: `sudo ${self} status${nameFlag(config.name)}`,
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

/** What has lasted for less is not wrong yet. */
const SETTLE_MS = 30_000
const MAX_TROUBLES = 20

const canRead = (dir: string) =>
  access(`${dir}/ca.key`)
    .then(() => true)
    .catch(() => process.getuid?.() === 0)

async function describeParts(
  layout: Layout,
  state: SupervisorState | undefined,
  upCommand: string,
  nowMs: number,
): Promise<{ rows: string[][]; troubles: Trouble[] }> {
  const troubles: Trouble[] = []
  const supervised = state !== undefined && isAliveSync(state.supervisor)
  const pid = supervised ? String(state.supervisor.pid) : ''
  const rows = [['supervisor', supervised ? 'runs' : 'stopped', pid, '', '', '']]
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
    if (!supervised || (alive && !keepsEnding(known, nowMs))) continue
    const why = await lastWordsOf(part.log, known?.lastExit)
    troubles.push({ what: `${part.name} does not run: ${why}`, todo: `its log is ${part.log}` })
  }
  const busy = await lockHolder(upLock(layout))
  if (busy && !supervised)
    troubles.push({ what: `process ${busy.pid} is bringing the cluster up or down`, todo: 'wait for it' })
  else if (!supervised && running === 0) troubles.push({ what: 'the cluster is down', todo: upCommand })
  else if (!supervised)
    troubles.push({ what: 'the supervisor is gone: nothing restarts what ends', todo: upCommand })
  return { rows, troubles }
}

const STEADY_MS = 10_000

/** It runs, but has just been started again after it ended by itself, not for the first time. */
const keepsEnding = ({ restarts, lastExit, startedAt }: PartState, nowMs: number) =>
  restarts > 1 && lastExit?.startsWith('exit code') && nowMs - Date.parse(startedAt) < STEADY_MS

/** What a part said before it ended by itself. One that was killed had no time to say anything. */
async function lastWordsOf(log: string, lastExit: string | undefined): Promise<string> {
  if (!lastExit?.startsWith('exit code')) return lastExit ?? 'it has not started yet'
  const words = await lastWords(log)
  return words === '' ? lastExit : words.replaceAll('\n', '\n  ')
}

const LITTLE_SPACE_BYTES = 256 * 1024 * 1024

async function diskTroubles({ config: { dataDir } }: Layout): Promise<Trouble[]> {
  const { bavail, bsize } = await statfs(dataDir)
  if (bavail * bsize >= LITTLE_SPACE_BYTES) return []
  const what = `the disk of ${dataDir} is full: ${Math.floor((bavail * bsize) / 2 ** 20)} MiB are free`
  return [{ what, todo: 'delete what is not needed; "df" and "du" say what takes the space' }]
}

async function describeNodes(layout: Layout, { clock, terminal, self }: Context): Promise<Trouble[]> {
  const api = adminApi(layout, await adminIdentity(layout), { timeoutMs: 5_000 })
  const troubles: Trouble[] = []
  try {
    const [{ items }, pods] = await Promise.all([api.list(Node), api.list(Pod)])
    const rows = layout.nodes.map(({ name, ip }) => {
      const node = items.find((n) => n.metadata.name === name)
      const ready = node?.status.conditions?.find((c) => c.type === 'Ready')
      if (!node)
        troubles.push({
          what: `${name} has not joined`,
          todo: `its log is ${layout.logDir}/agent-${name}.log`,
        })
      else if (ready?.status !== 'True') {
        troubles.push({
          what: `${name} is not Ready: ${ready?.message ?? 'it has not said why'}`,
          todo: `its log is ${layout.logDir}/agent-${name}.log`,
        })
      }
      for (const { type, status, message } of node?.status.conditions ?? []) {
        if (type.endsWith('Pressure') && status === 'True')
          troubles.push({
            what: `${name} is under ${type}: ${message ?? ''}`,
            todo: 'free some, or run less on it',
          })
      }
      const is = ready?.status === 'True' ? 'Ready' : node ? 'NotReady' : 'missing'
      return [name, node?.spec.unschedulable ? `${is}, cordoned` : is, ip, node?.spec.podCIDR ?? '']
    })
    terminal.out.write(`\n${table([['NODE', 'STATUS', 'ADDRESS', 'PODS'], ...rows])}`)
    const running = pods.items.filter((pod) => pod.status.phase === 'Running').length
    terminal.out.write(`\npods: ${pods.items.length}, of which ${running} run\n`)
    const cluster = nameFlag(layout.config.name)
    for (const group of groupedTroubles(pods.items, clock.now(), SETTLE_MS))
      troubles.push({ what: `${group.whose} ${group.what}`, todo: lookCommand(group, self, cluster) })
  } catch (error) {
    troubles.push({
      what: `the server does not answer: ${errorText(error)}`,
      todo: `its log is ${layout.logDir}/server.log`,
    })
  } finally {
    api.close()
  }
  return troubles
}
