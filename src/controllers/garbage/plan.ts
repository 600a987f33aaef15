import type { ObjectMeta, OwnerReference } from '../../api/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { type Action, event, mergePatch, type Plan, plan, remove, together } from '../runtime/index.ts'

export type Owned = KubeObject & { readonly metadata: ObjectMeta }

/** What is known of an owner that an object names. */
export type OwnerState =
  /** There, and not waiting for its dependents. */
  | 'solid'
  /** Being deleted, and waiting for its dependents to go first. */
  | 'waiting'
  /** Verified with the server: not there, or another life of the name. */
  | 'absent'
  /** It cannot be there at all: a namespaced owner of something that is in no namespace, or in another one. */
  | 'impossible'
  /** Of a kind that is not known, or not to be had just now. */
  | 'unknown'

export interface ObservedGarbage {
  readonly kind: Kind
  readonly object: Owned
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[]
  readonly dependents: readonly { readonly kind: Kind; readonly object: Owned }[]
}

export const FOREGROUND = 'foregroundDeletion'
export const ORPHAN = 'orphan'

/** Deletes what has lost every owner, and sees deletions through that wait for dependents or spare them. */
export function planGarbage(observed: ObservedGarbage): Plan {
  const { object } = observed
  const finalizers = object.metadata.finalizers ?? []
  if (object.metadata.deletionTimestamp) {
    if (finalizers.includes(ORPHAN)) return orphan(observed)
    if (finalizers.includes(FOREGROUND)) return foreground(observed)
    return plan([])
  }
  return collect(observed)
}

/** Takes the object off its dependents' owners, then lets it go. */
function orphan({ kind, object, dependents }: ObservedGarbage): Plan {
  const patches = dependents.map((d) => withoutOwners(d.kind, d.object, new Set([object.metadata.uid])))
  return plan([together(patches), withoutFinalizer(kind, object, ORPHAN)])
}

/** Waits for the dependents that block it, then lets it go. The dependents delete themselves: see `collect`. */
function foreground({ kind, object, dependents }: ObservedGarbage): Plan {
  const blocking = dependents.filter((d) => blocks(d.object, object))
  if (blocking.length === 0) return plan([withoutFinalizer(kind, object, FOREGROUND)])
  const names = blocking.map((d) => `${d.kind.resource.kind} ${d.object.metadata.name}`)
  return plan([], { waits: [`the end of ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`] })
}

function blocks(dependent: Owned, owner: Owned): boolean {
  return (
    dependent.metadata.ownerReferences?.some((r) => r.uid === owner.metadata.uid && r.blockOwnerDeletion) ??
    false
  )
}

function collect({ kind, object, owners, dependents }: ObservedGarbage): Plan {
  const warnings = owners
    .filter((o) => o.state === 'impossible')
    .map((o) => invalidOwner(object, o.reference))
  const inState = (state: OwnerState) => owners.filter((o) => o.state === state)
  if (owners.length === 0) return plan([])
  const gone = [...inState('absent'), ...inState('waiting')]
  const keeps = inState('solid').length > 0
  // What is not known for certain deletes nothing.
  if (inState('unknown').length > 0 || inState('impossible').length > 0 || (keeps && gone.length === 0)) {
    return plan([together(warnings)], waitsFor(inState('unknown')))
  }
  if (keeps) {
    return plan([withoutOwners(kind, object, new Set(gone.map((o) => o.reference.uid)))])
  }
  const finalizers = object.metadata.finalizers ?? []
  const mustWait = inState('waiting').length > 0 && dependents.length > 0
  const propagationPolicy =
    mustWait || finalizers.includes(FOREGROUND)
      ? 'Foreground'
      : finalizers.includes(ORPHAN)
        ? 'Orphan'
        : 'Background'
  const { resourceVersion } = object.metadata
  const unblocked = mustWait && inCircle(object, dependents) ? [unblocking(kind, object)] : []
  return plan([
    together(unblocked),
    remove(kind, object, { propagationPolicy, ...(unblocked.length > 0 ? {} : { resourceVersion }) }),
  ])
}

function waitsFor(unknown: readonly { reference: OwnerReference }[]) {
  const waits = unknown.map(({ reference: r }) => `to learn whether ${r.kind} ${r.name} exists`)
  return unknown.length > 0 ? { waits, againAfterMs: 60_000 } : {}
}

/** A dependent that is itself waiting for dependents may be waiting for this one: it must not block. */
function inCircle(object: Owned, dependents: ObservedGarbage['dependents']): boolean {
  return dependents.some(
    (d) =>
      d.object.metadata.deletionTimestamp &&
      d.object.metadata.finalizers?.includes(FOREGROUND) &&
      object !== d.object,
  )
}

function unblocking(kind: Kind, object: Owned): Action {
  const ownerReferences = (object.metadata.ownerReferences ?? []).map((r) => ({
    ...r,
    blockOwnerDeletion: false,
  }))
  return mergePatch(kind, object, { metadata: { ownerReferences } }, { exact: true })
}

function withoutOwners(kind: Kind, object: Owned, uids: ReadonlySet<string>): Action {
  const rest = (object.metadata.ownerReferences ?? []).filter((r) => !uids.has(r.uid))
  return mergePatch(
    kind,
    object,
    { metadata: { ownerReferences: rest.length > 0 ? rest : null } },
    { exact: true },
  )
}

function withoutFinalizer(kind: Kind, object: Owned, finalizer: string): Action {
  const rest = (object.metadata.finalizers ?? []).filter((f) => f !== finalizer)
  return mergePatch(
    kind,
    object,
    { metadata: { finalizers: rest.length > 0 ? rest : null } },
    { exact: true },
  )
}

function invalidOwner(object: Owned, reference: OwnerReference): Action {
  const { apiVersion, kind, name, uid } = reference
  const owner = `[${apiVersion}/${kind}, namespace: ${object.metadata.namespace ?? ''}, name: ${name}, uid: ${uid}]`
  const where = object.metadata.namespace ? `in namespace "${object.metadata.namespace}"` : 'at cluster scope'
  return event(object, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef ${owner} does not exist ${where}`)
}
