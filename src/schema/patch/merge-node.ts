/**
 * What a strategic merge needs to know of a place in an object: how the fields below it merge. Derived from the type
 * language (see `mergeNode` in ./of-type.ts); tests build it by hand.
 */
export interface MergeNode {
  /** The node of a struct's field or of a map's values; undefined for a field the struct does not have. */
  child(key: string): MergeNode | undefined
  /** The node of a list's elements. */
  readonly element?: MergeNode | undefined
  /** How a patch of this field acts. Absent: objects merge, lists are replaced. */
  readonly strategy?: 'merge' | 'replace' | undefined
  /** With `$retainKeys` a patch names the only members that stay (unions such as a Deployment's strategy). */
  readonly retainKeys?: boolean | undefined
  /** The member that identifies an element of a merged list of objects. */
  readonly mergeKey?: string | undefined
}

/** Where nothing is known (values of free-form maps): objects merge, lists are replaced. */
export const FREE: MergeNode = { child: () => FREE }

export const DIRECTIVE = '$patch'
export const RETAIN_KEYS = '$retainKeys'
export const DELETE_FROM_LIST = '$deleteFromPrimitiveList/'
export const ELEMENT_ORDER = '$setElementOrder/'
