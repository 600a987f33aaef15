import { Deployment, ReplicaSet } from '../api/index.ts'
import { sleep, timestamp } from '../base/index.ts'
import type { HttpsApi } from '../client/index.ts'
import { type Context, UsageError } from './context.ts'
import { clusterApi, type ObjectOptions, parseTargets } from './objects.ts'
import { table } from './output.ts'
import { rolloutOf } from './rollout-status.ts'

export interface RolloutFlags extends ObjectOptions {
  readonly timeout?: number
  readonly toRevision?: number
}

const REVISION = 'deployment.kubernetes.io/revision'
const CHANGE_CAUSE = 'kubernetes.io/change-cause'

export async function rolloutCommand(
  verb: string,
  word: string,
  flags: RolloutFlags,
  context: Context,
): Promise<void> {
  const [target] = parseTargets([word.includes('/') ? word : `deployment/${word}`])
  if (target!.kind !== Deployment) throw new UsageError(`cannot roll out "${word}": expected a Deployment`)
  const api = await clusterApi(flags)
  const key = { namespace: flags.namespace ?? 'default', name: target!.name! }
  const say = (what: string) => context.terminal.out.write(`deployment.apps/${key.name} ${what}\n`)
  const patch = (spec: object) => api.patch(Deployment, key, { type: 'strategic', body: { spec } })
  try {
    switch (verb) {
      case 'status':
        return await followStatus(api, key, flags, context)
      case 'history':
        return await printHistory(api, key, context)
      case 'undo':
        await undo(api, key, flags.toRevision)
        return void say('rolled back')
      case 'restart':
        await patch({
          template: {
            metadata: {
              annotations: { 'kubectl.kubernetes.io/restartedAt': timestamp(context.clock.now()) },
            },
          },
        })
        return void say('restarted')
      case 'pause':
        await patch({ paused: true })
        return void say('paused')
      case 'resume':
        await patch({ paused: null })
        return void say('resumed')
      default:
        throw new UsageError(
          `cannot "${verb}" a rollout: expected status, history, undo, restart, pause or resume`,
        )
    }
  } finally {
    api.close()
  }
}

interface DeploymentKey {
  readonly namespace: string
  readonly name: string
}

async function followStatus(
  api: HttpsApi,
  key: DeploymentKey,
  flags: RolloutFlags,
  { clock, terminal }: Context,
): Promise<void> {
  const deadline =
    flags.timeout === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + flags.timeout * 1000
  let last = ''
  for (;;) {
    const view = rolloutOf(await api.get(Deployment, key))
    if (view.text !== last) terminal.out.write(`${view.text}\n`)
    last = view.text
    if (view.done) return
    if (view.failed) throw new Error(view.text)
    if (clock.monotonic() > deadline) throw new Error('timed out waiting for the rollout')
    await sleep(clock, 200)
  }
}

/** The revisions of a Deployment: its ReplicaSets, the oldest first. */
async function revisions(
  api: HttpsApi,
  key: DeploymentKey,
): Promise<{ revision: number; set: ReplicaSet }[]> {
  const deployment = await api.get(Deployment, key)
  const { items } = await api.list(ReplicaSet, { namespace: key.namespace })
  return items
    .filter((set) =>
      set.metadata.ownerReferences?.some((o) => o.controller && o.uid === deployment.metadata.uid),
    )
    .map((set) => ({ revision: Number(set.metadata.annotations?.[REVISION] ?? 0), set }))
    .filter(({ revision }) => revision > 0)
    .sort((a, b) => a.revision - b.revision)
}

async function printHistory(api: HttpsApi, key: DeploymentKey, { terminal }: Context): Promise<void> {
  const rows = (await revisions(api, key)).map(({ revision, set }) => [
    String(revision),
    set.metadata.annotations?.[CHANGE_CAUSE] ?? '<none>',
  ])
  terminal.out.write(`deployment.apps/${key.name}\n${table([['REVISION', 'CHANGE-CAUSE'], ...rows])}`)
}

async function undo(api: HttpsApi, key: DeploymentKey, toRevision: number | undefined): Promise<void> {
  const deployment = await api.get(Deployment, key)
  if (deployment.spec.paused)
    throw new UsageError(`cannot undo: deployment "${key.name}" is paused; resume it first`)
  const all = await revisions(api, key)
  const chosen = toRevision ? all.find(({ revision }) => revision === toRevision) : all.at(-2)
  if (!chosen) {
    const known = all.map(({ revision }) => revision).join(', ') || 'none'
    throw new UsageError(
      toRevision
        ? `cannot find revision ${toRevision}: there are ${known}`
        : 'cannot undo: there is no earlier revision',
    )
  }
  const { 'pod-template-hash': _, ...labels } = chosen.set.spec.template.metadata?.labels ?? {}
  const template = { ...chosen.set.spec.template, metadata: { ...chosen.set.spec.template.metadata, labels } }
  await api.patch(Deployment, key, {
    type: 'json',
    body: [
      { op: 'test', path: '/metadata/uid', value: deployment.metadata.uid },
      { op: 'replace', path: '/spec/template', value: template },
    ],
  })
}
