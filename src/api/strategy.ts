import type { KubeObject, Problem } from '../schema/index.ts'

/**
 * What a kind adds to its declaration: the defaults, rules and side conditions that the server applies when objects
 * of the kind are written, selected or deleted. Everything is pure and immutable: a function returns the object it
 * was given when it has nothing to change, and copies only the path it changes otherwise.
 *
 * The server's order
 * - create: decode → `defaults` → mutating admission → name from generateName, uid and creationTimestamp
 *   → `prepareForCreate` → `validate` → validating admission → write.
 * - update and patch: decode → `defaults` → mutating admission → `prepareForUpdate` → `validateUpdate`
 *   → validating admission → write, unless the result is `===` or equal to the old object.
 * - delete: `gracePeriodSeconds`; a positive one marks the object (deletionTimestamp, deletionGracePeriodSeconds)
 *   and leaves it there.
 *
 * `subresource` is '' for the main resource, else 'status', 'scale', 'binding', 'ephemeralcontainers', 'resize',
 * 'finalize', 'approval'.
 */
export interface Strategy<T extends KubeObject = KubeObject> {
  /** Fills what the author left out and the API promises to be there, declared defaults included. Idempotent. */
  defaults(object: T): T
  /** Clears what a client may not set (status, generation, deletion marks) and gives the first status. */
  prepareForCreate(object: T): T
  /**
   * Takes from `old` what this way of writing may not touch: status on the main resource, everything but status on
   * /status, the server's own metadata on both. Counts `metadata.generation` up when the specification changed.
   */
  prepareForUpdate(object: T, old: T, subresource: string): T
  /** Everything wrong with a new object, metadata included. Expects `defaults` and `prepareForCreate` to have run. */
  validate(object: T): readonly Problem[]
  /** Everything wrong with `object` as the successor of `old`, its own rules included. */
  validateUpdate(object: T, old: T, subresource: string): readonly Problem[]
  /** Things that are allowed and probably a mistake; `Warning` headers. */
  warnings(object: T, old: T | undefined): readonly string[]
  /**
   * The fields that a field selector may name, each with its reader ('' when absent). A name that is not here is
   * refused: `field label not supported: NAME`.
   */
  readonly selectableFields: Readonly<Record<string, (object: T) => string>>
  /**
   * How long the object stays after a delete so that something can end it in order; `requested` is the client's
   * wish. 0: remove now. undefined: the kind knows no grace, remove now.
   */
  gracePeriodSeconds(object: T, requested: number | undefined): number | undefined
  /** Whether PUT to a name that does not exist creates it. */
  readonly createOnUpdate: boolean
  /** Whether PUT without a resourceVersion overwrites what is there; else 422 on metadata.resourceVersion. */
  readonly unconditionalUpdate: boolean
}
