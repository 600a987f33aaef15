import { type Api, isApiError, Pod } from '../api/index.ts'
import { type Clock, pause, sleep } from '../base/index.ts'
import { keyOf } from '../client/index.ts'
import type { Plugin } from './framework.ts'

export interface BindContext {
  readonly api: Api
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly plugins: readonly Plugin[]
  /** Whether it still matters what becomes of the pod. */
  readonly isWanted: () => boolean
}

const ASK_AGAIN_MS = 1000

/** Takes a pod through permit, preBind, bind and postBind. Rejects when it is not bound. */
export async function bindPod(context: BindContext, pod: Pod, node: string): Promise<void> {
  const { plugins } = context
  await permission(context, pod, node)
  for (const plugin of plugins) if (plugin.preBind) await plugin.preBind(pod, node)
  try {
    await bind(context, pod, node)
  } catch (error) {
    if (isRefusal(error) || !(await isBound(context, pod))) throw error
  }
  for (const plugin of plugins) plugin.postBind?.(pod, node)
}

async function permission({ clock, signal, plugins }: BindContext, pod: Pod, node: string): Promise<void> {
  const waits: Promise<void>[] = []
  for (const plugin of plugins) {
    const permit = plugin.permit?.(pod, node)
    if (permit?.answer === 'reject') throw new Error(`${plugin.name}: ${permit.reason}`)
    if (permit?.answer !== 'wait') continue
    const stop = new AbortController()
    const late = sleep(clock, permit.timeoutMs, AbortSignal.any([signal, stop.signal])).then(() => {
      throw new Error(`${plugin.name} gave no permission within ${permit.timeoutMs} ms`)
    })
    late.catch(() => {})
    waits.push(Promise.race([permit.until, late]).finally(() => stop.abort()))
  }
  await Promise.all(waits)
}

async function bind({ api, plugins }: BindContext, pod: Pod, node: string): Promise<void> {
  for (const plugin of plugins) if (plugin.bind && (await plugin.bind(pod, node))) return
  const { namespace, name, uid } = pod.metadata
  const body = { metadata: { namespace, name, uid }, target: { kind: 'Node', name: node } }
  await api.call(Pod, { namespace, name }, { subresource: 'binding', method: 'POST', body })
}

/** The server has answered, and the answer is no. */
function isRefusal(error: unknown): boolean {
  return isApiError(error) && error.code < 500 && error.code !== 429
}

/** The answer may have been lost on the way: until that is known, the pod keeps its room on the node. */
async function isBound({ api, clock, signal, isWanted }: BindContext, pod: Pod): Promise<boolean> {
  while (isWanted()) {
    try {
      const now = await api.get(Pod, keyOf(pod), { signal })
      return now.metadata.uid === pod.metadata.uid && !!now.spec.nodeName
    } catch (error) {
      if (isRefusal(error)) return false
      await pause(clock, ASK_AGAIN_MS, signal)
    }
  }
  return false
}
