import type { Key, Patch } from '../../api/index.ts'
import type { Input, Kind, KubeObject } from '../../schema/index.ts'

/**
 * What a controller wants done about one key, as data. A plan is made without I/O and carried out without choices:
 *
 *     return plan([status(ReplicaSet, next), ...slowStart(creates)], { againAfterMs: 10_000 })
 */
export interface Plan {
  /** Carried out one after the other. A step with a failure is the last of the pass. */
  readonly steps: readonly Step[]
  /** What this waits for, in words: for logs and for those who ask why nothing happens. */
  readonly waits: readonly string[]
  /** Look again after this long, whether or not anything changes. */
  readonly againAfterMs?: number
}

/** Actions that do not depend on each other. */
export interface Step {
  readonly actions: readonly Action[]
  /** Tries one action, then two, four, …: something that fails for all fails once, not a thousand times. */
  readonly slowStart: boolean
}

export type Action = CreateAction | UpdateAction | PatchAction | DeleteAction | EventAction

export interface CreateAction {
  readonly do: 'create'
  readonly kind: Kind
  readonly object: Input<KubeObject>
  readonly tell?: Tell
}

export interface UpdateAction {
  readonly do: 'update'
  readonly kind: Kind
  /** Carries the resourceVersion it was made from. */
  readonly object: KubeObject
  readonly subresource?: string
  readonly tell?: Tell
}

export interface PatchAction {
  readonly do: 'patch'
  readonly kind: Kind
  readonly key: Key
  readonly patch: Patch
  readonly subresource?: string
  readonly onlyIf?: Guard
  readonly tell?: Tell
}

export interface DeleteAction {
  readonly do: 'delete'
  readonly kind: Kind
  readonly key: Key
  /** Only this life of the object. */
  readonly uid: string
  readonly resourceVersion?: string
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  readonly gracePeriodSeconds?: number
  readonly tell?: Tell
}

export interface EventAction {
  readonly do: 'event'
  readonly about: KubeObject
  readonly text: EventText
}

export interface EventText {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** Which Event an action's outcome is told by. */
export interface Tell {
  readonly about: KubeObject
  readonly done?: (result: KubeObject | undefined) => EventText
  readonly failed?: (error: unknown) => EventText
}

/** Read live, right before the action: the object must still be this one and not be going away. */
export interface Guard {
  readonly kind: Kind
  readonly key: Key
  readonly uid: string
}

export interface PlanOptions {
  readonly waits?: readonly string[]
  readonly againAfterMs?: number | undefined
}

/** Items that are single actions become a step each; nothing is left out by being undefined. */
export function plan(items: readonly (Action | Step | undefined)[], options: PlanOptions = {}): Plan {
  const steps = items.flatMap((item) => {
    if (item === undefined) return []
    const step = 'do' in item ? { actions: [item], slowStart: false } : item
    return step.actions.length > 0 ? [step] : []
  })
  const { waits = [], againAfterMs } = options
  return { steps, waits, ...(againAfterMs === undefined ? {} : { againAfterMs }) }
}

export const nothingToDo: Plan = { steps: [], waits: [] }

export function together(actions: readonly Action[]): Step {
  return { actions, slowStart: false }
}

export function slowStart(actions: readonly Action[]): Step {
  return { actions, slowStart: true }
}

export function create<T extends KubeObject>(kind: Kind<T>, object: Input<T>, tell?: Tell): CreateAction {
  return { do: 'create', kind, object: object as Input<KubeObject>, ...(tell ? { tell } : {}) }
}

export function update<T extends KubeObject>(kind: Kind<T>, object: T, tell?: Tell): UpdateAction {
  return { do: 'update', kind, object, ...(tell ? { tell } : {}) }
}

/** Writes the object's status, and nothing else of it. */
export function updateStatus<T extends KubeObject>(kind: Kind<T>, object: T, tell?: Tell): UpdateAction {
  return { do: 'update', kind, object, subresource: 'status', ...(tell ? { tell } : {}) }
}

/** A merge patch that applies to this life of the object only; with `exact`, to this very version. */
export function mergePatch<T extends KubeObject>(
  kind: Kind<T>,
  object: T,
  body: { readonly metadata?: object; readonly [field: string]: unknown },
  options: { exact?: true; subresource?: string; onlyIf?: Guard; tell?: Tell } = {},
): PatchAction {
  const { uid, resourceVersion, namespace, name } = object.metadata
  const { exact, ...rest } = options
  const metadata = { ...body.metadata, uid, ...(exact ? { resourceVersion } : {}) }
  return {
    do: 'patch',
    kind,
    key: { namespace, name },
    patch: { type: 'merge', body: { ...body, metadata } },
    ...rest,
  }
}

export function remove<T extends KubeObject>(
  kind: Kind<T>,
  object: T,
  options: Pick<DeleteAction, 'propagationPolicy' | 'gracePeriodSeconds' | 'resourceVersion' | 'tell'> = {},
): DeleteAction {
  const { uid, namespace, name } = object.metadata
  return { do: 'delete', kind, key: { namespace, name }, uid, ...options }
}

export function event(
  about: KubeObject,
  type: EventText['type'],
  reason: string,
  message: string,
): EventAction {
  return { do: 'event', about, text: { type, reason, message } }
}
