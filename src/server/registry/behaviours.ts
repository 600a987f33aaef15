import type { Kind, KubeObject } from '../../schema/index.ts'

/** What few kinds do beyond their strategy, because it needs other objects: the addresses of Services, say. */
export interface Behaviour {
  readonly kind: string
  readonly group: string
  /**
   * Fills in what is allocated, right before the write. `release` is called once the write is over, whatever came of
   * it: by then the cache shows what was taken.
   */
  reserve?(
    object: KubeObject,
    old: KubeObject | undefined,
    dryRun: boolean,
  ): Promise<{ readonly object: KubeObject; readonly release: () => void }>
  /** Whether something beside finalizers and grace keeps a deleted object. */
  holdsDeletion?(object: KubeObject): boolean
  /** How the object says that it is being deleted. */
  markDeleted?(object: KubeObject): KubeObject
}

export function behaviourOf(behaviours: readonly Behaviour[], kind: Kind): Behaviour | undefined {
  if (behaviours.length === 0) return undefined
  return behaviours.find((b) => b.kind === kind.resource.kind && b.group === kind.resource.group)
}

/** A namespace stays until its controller has emptied it and removed its own finalizers from the specification. */
export const namespaceBehaviour: Behaviour = {
  kind: 'Namespace',
  group: '',
  holdsDeletion: (object) => ((object as NamespaceLike).spec?.finalizers?.length ?? 0) > 0,
  markDeleted(object) {
    const { deletionGracePeriodSeconds: _, ...metadata } = object.metadata as KubeObject['metadata'] & {
      deletionGracePeriodSeconds?: number
    }
    return {
      ...object,
      metadata,
      status: { ...(object as NamespaceLike).status, phase: 'Terminating' },
    } as KubeObject
  },
}

interface NamespaceLike extends KubeObject {
  readonly spec?: { readonly finalizers?: readonly string[] }
  readonly status?: object
}
