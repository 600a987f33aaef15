import { Namespace, Pod } from '../../api/index.ts'
import type { Kind } from '../../schema/index.ts'
import { defineController, trigger, type View } from '../runtime/index.ts'
import { kindsWith } from '../shared/kinds.ts'
import { type Content, type ObservedNamespace, planNamespace } from './plan.ts'

/** Empties the namespaces that are being deleted. `kinds`: everything that may live in a namespace. */
export function namespaces(kinds: readonly Kind[] = kindsWith('list', 'delete')) {
  const namespaced = kinds.filter((k) => k.resource.namespaced)
  return defineController({
    name: 'namespace',
    reads: [Namespace, Pod],
    asks: namespaced,
    writes: [
      { kind: Namespace, subresource: 'status', verbs: ['update'] },
      { kind: Namespace, subresource: 'finalize', verbs: ['update'] },
      ...namespaced.map((kind) => ({ kind, verbs: ['delete'] as const })),
    ],
    on: [
      trigger(Namespace, (ns) => (ns.metadata.deletionTimestamp ? [ns.metadata.name] : [])),
      // Pods take the longest; the end of the last one is the moment to go on.
      trigger(Pod, (pod, view) => lastOnes(pod, view)),
    ],
    observe: async (key, view) => {
      const namespace = view.get(Namespace, key)
      if (!namespace?.metadata.deletionTimestamp) return undefined
      return { namespace, ...(await contentOf(key.name, namespaced, view)) }
    },
    plan: (observed, { now }) => planNamespace(observed, now),
  })
}

function lastOnes(pod: Pod, view: View): readonly string[] {
  const name = pod.metadata.namespace!
  if (!pod.metadata.deletionTimestamp || !view.get(Namespace, { name })?.metadata.deletionTimestamp) return []
  return view.list(Pod, name)[Symbol.iterator]().next().done ? [name] : []
}

async function contentOf(namespace: string, kinds: readonly Kind[], view: View) {
  const content: Content[] = []
  const unknown: { kind: Kind; error: string }[] = []
  await Promise.all(
    kinds.map(async (kind) => {
      try {
        const objects = await view.liveList(kind, { namespace })
        if (objects.length > 0) content.push({ kind, objects })
      } catch (error) {
        unknown.push({ kind, error: error instanceof Error ? error.message : String(error) })
      }
    }),
  )
  return { content, unknown } satisfies Omit<ObservedNamespace, 'namespace'>
}
