import { conflict, type DeleteOptions, type Key, type ListOptions } from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { type Behaviour, behaviourOf, namespaceBehaviour } from './behaviours.ts'
import type { Item } from './item.ts'
import { listItems } from './list.ts'
import type { Caller, Decision, Registry } from './registry.ts'
import { isFinished } from './rules.ts'
import type { Written } from './writer.ts'

type Meta = KubeObject['metadata'] & { readonly deletionGracePeriodSeconds?: number }

const ORPHAN = 'orphan'
const FOREGROUND = 'foregroundDeletion'
const PARALLEL_DELETES = 32

/**
 * Removes the object, or marks it as being deleted when a grace period, a finalizer or its kind holds it.
 * Deleting again may shorten the grace, never lengthen it.
 */
export async function deleteObject(
  registry: Registry,
  kind: Kind,
  key: Key,
  options: DeleteOptions,
  caller: Caller,
): Promise<Written> {
  const dryRun = options.dryRun === true
  const resource = registry.resources.of(kind)
  const behaviour = behaviourOf([namespaceBehaviour], resource.storage)
  const decide = async (current: Item): Promise<Decision> => {
    const { object } = current
    checkPreconditions(kind, key, options, object)
    await registry.admitOnly(registry.admissionFor(kind, '', key, caller, dryRun, 'DELETE', object))
    const nowMs = registry.clock.now()
    const grace = resource.strategy.gracePeriodSeconds(object, options.gracePeriodSeconds)
    return decideDeletion(object, { grace, propagation: options.propagationPolicy, nowMs, behaviour })
  }
  return registry.modify(kind, key, decide, dryRun)
}

export interface DeletionRules {
  readonly grace: number | undefined
  readonly propagation: DeleteOptions['propagationPolicy']
  readonly nowMs: number
  readonly behaviour: Behaviour | undefined
}

/** What a deletion makes of the object. Pure. */
function decideDeletion(object: KubeObject, rules: DeletionRules): Decision {
  const finalized = withFinalizers(object, rules.propagation)
  const meta = finalized.metadata as Meta
  const grace = rules.grace ?? 0
  if (meta.deletionTimestamp) {
    const granted = meta.deletionGracePeriodSeconds ?? 0
    if (grace >= granted) return finish(object, finalized, rules)
    const since = Date.parse(meta.deletionTimestamp) - granted * 1000
    const shortened = marked(finalized, Math.max(since + grace * 1000, 0), grace)
    return finish(object, shortened, rules)
  }
  const doomed = marked(countedUp(finalized), rules.nowMs + grace * 1000, grace)
  return finish(object, rules.behaviour?.markDeleted?.(doomed) ?? doomed, rules)
}

function finish(before: KubeObject, after: KubeObject, rules: DeletionRules): Decision {
  if (isFinished(after, rules.behaviour)) return { do: 'remove' }
  return after === before ? { do: 'nothing' } : { do: 'write', object: after }
}

function marked(object: KubeObject, atMs: number, grace: number): KubeObject {
  const metadata = {
    ...object.metadata,
    deletionTimestamp: timestamp(atMs),
    deletionGracePeriodSeconds: grace,
  }
  return { ...object, metadata }
}

function countedUp(object: KubeObject): KubeObject {
  const { generation } = object.metadata
  return generation ? { ...object, metadata: { ...object.metadata, generation: generation + 1 } } : object
}

/** Orphan and Foreground are finalizers that the garbage collector acts on; Background removes both. */
function withFinalizers(object: KubeObject, propagation: DeletionRules['propagation']): KubeObject {
  if (propagation === undefined) return object
  const present = object.metadata.finalizers ?? []
  const others = present.filter((f) => f !== ORPHAN && f !== FOREGROUND)
  const wanted =
    propagation === 'Orphan'
      ? [...others, ORPHAN]
      : propagation === 'Foreground'
        ? [...others, FOREGROUND]
        : others
  if (wanted.length === present.length && wanted.every((f) => present.includes(f))) return object
  const { finalizers: _, ...meta } = object.metadata
  return { ...object, metadata: wanted.length > 0 ? { ...meta, finalizers: wanted } : meta }
}

export function checkPreconditions(
  kind: Kind,
  key: Key,
  options: Pick<DeleteOptions, 'preconditions'>,
  object: KubeObject,
): void {
  const { uid, resourceVersion } = options.preconditions ?? {}
  const refuse = (what: string, wanted: string, found: string) =>
    conflict(
      kind.resource,
      key.name,
      `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`,
    )
  if (uid !== undefined && uid !== object.metadata.uid) throw refuse('UID', uid, object.metadata.uid)
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
    throw refuse('ResourceVersion', resourceVersion, object.metadata.resourceVersion)
  }
}

/** Deletes all that `selection` selects, a bounded number at a time; answers what was there. */
export async function deleteCollection(
  registry: Registry,
  kind: Kind,
  selection: ListOptions,
  options: DeleteOptions,
  caller: Caller,
): Promise<{ items: Item[]; revision: number }> {
  const page = await listItems(registry, kind, selection)
  const queue = [...page.items]
  const work = async () => {
    for (let item = queue.pop(); item; item = queue.pop()) {
      const { namespace, name } = item.object.metadata
      try {
        await deleteObject(registry, kind, { namespace, name }, options, caller)
      } catch (error) {
        if (!isGone(error)) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL_DELETES, queue.length) }, work))
  return { items: [...page.items], revision: registry.revision }
}

function isGone(error: unknown): boolean {
  return (error as { reason?: string }).reason === 'NotFound'
}
