import type { ObjectMeta, OwnerReference } from '../../api/index.ts'
import { keyOf } from '../../client/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { type Guard, mergePatch, type PatchAction } from '../runtime/index.ts'
import type { LabelMatcher } from './labels.ts'

type Owned = KubeObject & { readonly metadata: ObjectMeta }

/** The one owner that manages the object. */
export function controllerOf(object: {
  readonly metadata: Pick<ObjectMeta, 'ownerReferences'>
}): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((r) => r.controller)
}

export function isControlledBy(object: Owned, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid
}

/** The reference by which `owner` controls what it makes. */
export function controllerReference(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata } = owner
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  }
}

/** Values for an index by controller: its uid, or `orphans/<namespace>` for what nobody controls. */
export function byController(object: Owned): readonly string[] {
  return [controllerOf(object)?.uid ?? orphansOf(object.metadata.namespace)]
}

export function orphansOf(namespace: string | undefined): string {
  return `orphans/${namespace ?? ''}`
}

export interface Claims<T> {
  /** What the owner controls and selects, the adopted not yet among them. */
  readonly owned: readonly T[]
  readonly patches: readonly PatchAction[]
}

/**
 * Who belongs to `owner`: keeps what it controls and selects, lets go what it controls and no longer selects, takes
 * in what it selects and nobody controls. An owner that is being deleted neither takes nor lets go.
 */
export function claim<T extends Owned>(
  owner: KubeObject,
  ownerKind: Kind,
  kind: Kind<T>,
  selects: LabelMatcher,
  controlled: Iterable<T>,
  orphans: Iterable<T>,
): Claims<T> {
  const owned: T[] = []
  const patches: PatchAction[] = []
  const leaving = owner.metadata.deletionTimestamp !== undefined
  const onlyIf: Guard = { kind: ownerKind, key: keyOf(owner), uid: owner.metadata.uid }
  for (const object of controlled) {
    if (selects(object.metadata.labels)) owned.push(object)
    else if (!leaving) patches.push(withReferences(kind, object, released(object, owner)))
  }
  if (leaving) return { owned, patches }
  for (const object of orphans) {
    if (object.metadata.deletionTimestamp || !selects(object.metadata.labels)) continue
    const references = [...(object.metadata.ownerReferences ?? []), controllerReference(owner)]
    patches.push({ ...withReferences(kind, object, references), onlyIf })
  }
  return { owned, patches }
}

function released(object: Owned, owner: KubeObject): OwnerReference[] | null {
  const rest = (object.metadata.ownerReferences ?? []).filter((r) => r.uid !== owner.metadata.uid)
  return rest.length > 0 ? rest : null
}

/** Exact: the list is replaced whole, so nobody may have touched it since. */
function withReferences<T extends Owned>(
  kind: Kind<T>,
  object: T,
  ownerReferences: OwnerReference[] | null,
): PatchAction {
  return mergePatch(kind, object, { metadata: { ownerReferences } }, { exact: true })
}
