import { isApiError, type Key, kindFor, type OwnerReference } from '../../api/index.ts'
import { LruMap } from '../../client/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { defineController, index, type Trigger, trigger, type View } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { kindsWith } from '../shared/kinds.ts'
import { FOREGROUND, ORPHAN, type Owned, type OwnerState, planGarbage } from './plan.ts'

const BY_OWNER = 'owner'

/** Deletes what has lost its owners. `kinds`: everything that may own or be owned. */
export function garbageCollector(kinds: readonly Kind[] = collectable()) {
  const byId = new Map(kinds.map((kind) => [idOf(kind), kind]))
  // An owner's uid never comes back, so its absence is asked for once.
  const absent = new LruMap<string, true>(5000)
  return defineController({
    name: 'garbage-collector',
    serviceAccount: 'generic-garbage-collector',
    concurrency: 20,
    reads: kinds,
    writes: kinds.map((kind) => ({ kind, verbs: ['patch', 'delete'] as const })),
    indexes: kinds.map((kind) => index(kind as Kind<Owned>, BY_OWNER, ownerUids)),
    on: kinds.map((kind) => onChange(kind, kinds, byId)),
    observe: async (key, view) => {
      const { kind, key: objectKey } = partsOf(key, byId)
      const object = view.get(kind as Kind<Owned>, objectKey)
      if (!object) return undefined
      const references = object.metadata.ownerReferences ?? []
      const deleting = object.metadata.deletionTimestamp !== undefined
      const owners = deleting
        ? []
        : await Promise.all(
            references.map(async (reference) => ({
              reference,
              state: await stateOf(reference, kind, object, byId, view, absent),
            })),
          )
      return { kind, object, owners, dependents: [...dependentsOf(object, kinds, view)] }
    },
    plan: planGarbage,
  })
}

function collectable(): Kind[] {
  return kindsWith('list', 'watch', 'delete', 'patch').filter((k) => k.resource.kind !== 'Event')
}

const idOf = ({ resource }: Kind) => `${resource.group}:${resource.plural}`

/** `apps:replicasets:default/web`: which object of which kind. */
function keyFor(kind: Kind, { namespace, name }: Key): string {
  return `${idOf(kind)}:${namespace ?? ''}/${name}`
}

function partsOf(
  { namespace: scope = '', name }: Key,
  byId: ReadonlyMap<string, Kind>,
): { kind: Kind; key: Key } {
  const [group, plural, namespace] = scope.split(':')
  return { kind: byId.get(`${group}:${plural}`)!, key: namespace ? { namespace, name } : { name } }
}

function ownerUids(object: Owned): readonly string[] {
  return (object.metadata.ownerReferences ?? []).map((r) => r.uid)
}

function* dependentsOf(owner: KubeObject, kinds: readonly Kind[], view: View) {
  for (const kind of kinds as readonly Kind<Owned>[]) {
    for (const object of view.byIndex(kind, BY_OWNER, owner.metadata.uid))
      yield { kind: kind as Kind, object }
  }
}

function onChange(kind: Kind, kinds: readonly Kind[], byId: ReadonlyMap<string, Kind>): Trigger {
  return trigger(kind as Kind<Owned>, (object, view) => concerned(kind, object, kinds, byId, view), changed)
}

function* concerned(
  kind: Kind,
  object: Owned,
  kinds: readonly Kind[],
  byId: ReadonlyMap<string, Kind>,
  view: View,
): Iterable<string> {
  const references = object.metadata.ownerReferences ?? []
  const exists = view.get(kind, object.metadata)?.metadata.uid === object.metadata.uid
  const leaving = object.metadata.deletionTimestamp !== undefined
  if (exists && (references.length > 0 || leaving)) yield keyFor(kind, object.metadata)
  if (!exists || leaving)
    for (const d of dependentsOf(object, kinds, view)) yield keyFor(d.kind, d.object.metadata)
  // An owner that waits for its dependents has one less to wait for.
  for (const reference of references) {
    const found = ownerOf(reference, object, byId, view)
    if (found?.owner?.metadata.deletionTimestamp) yield keyFor(found.kind, found.owner.metadata)
  }
}

function changed(now: Owned, old: Owned): boolean {
  return (
    !equal(now.metadata.ownerReferences, old.metadata.ownerReferences) ||
    !equal(now.metadata.finalizers, old.metadata.finalizers) ||
    now.metadata.deletionTimestamp !== old.metadata.deletionTimestamp
  )
}

/** The owner as the cache has it; undefined for a kind that is not collected here. */
function ownerOf(reference: OwnerReference, dependent: Owned, byId: ReadonlyMap<string, Kind>, view: View) {
  const named = kindFor(reference.apiVersion, reference.kind) as Kind | undefined
  const kind = named?.resource && byId.get(idOf(named))
  if (!kind) return undefined
  const key = kind.resource.namespaced
    ? { namespace: dependent.metadata.namespace, name: reference.name }
    : { name: reference.name }
  return { kind, key, owner: view.get(kind, key) }
}

async function stateOf(
  reference: OwnerReference,
  dependentKind: Kind,
  dependent: Owned,
  byId: ReadonlyMap<string, Kind>,
  view: View,
  absent: LruMap<string, true>,
): Promise<OwnerState> {
  const found = ownerOf(reference, dependent, byId, view)
  if (!found) return 'unknown'
  if (found.kind.resource.namespaced && !dependentKind.resource.namespaced) return 'impossible'
  if (found.owner?.metadata.uid === reference.uid) return stateOfLiving(found.owner)
  if (absent.get(reference.uid)) return 'absent'
  // The cache may be behind: only the server knows that something is not there.
  try {
    const live = await view.liveGet(found.kind, found.key)
    if (live?.metadata.uid === reference.uid) return stateOfLiving(live)
  } catch (error) {
    if (isApiError(error)) return 'unknown'
    throw error
  }
  absent.set(reference.uid, true)
  return 'absent'
}

function stateOfLiving({ metadata }: KubeObject): OwnerState {
  return metadata.deletionTimestamp &&
    metadata.finalizers?.includes(FOREGROUND) &&
    !metadata.finalizers.includes(ORPHAN)
    ? 'waiting'
    : 'solid'
}
