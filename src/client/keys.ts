import type { Key } from '../api/index.ts'

/** A namespaced name as one string: `default/web`, or `node-1` on cluster-scoped kinds. */
export function keyText(key: Key): string {
  return key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`
}

/** The inverse of `keyText`. */
export function parseKey(text: string): Key {
  const slash = text.indexOf('/')
  return slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) }
}

export function keyOf(object: { readonly metadata: Key }): Key {
  const { namespace, name } = object.metadata
  return namespace === undefined ? { name } : { namespace, name }
}
