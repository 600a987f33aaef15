import { badRequest, type JsonPatchOperation, type Patch } from '../../api/index.ts'
import type { Kind } from '../../schema/index.ts'
import type { Loose } from './memory-api.ts'

/** Merge and JSON patches as the fake applies them. Strategic patches need the real server. */
export function patched(kind: Kind, before: Loose, patch: Patch): Loose {
  switch (patch.type) {
    case 'merge':
      return merged(before, patch.body) as Loose
    case 'json':
      return patch.body.reduce<unknown>(applied, structuredClone(before)) as Loose
    case 'strategic':
      throw badRequest(`the fake does not apply strategic patches to ${kind.resource.plural}`)
    default:
      return patch satisfies never
  }
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const out: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete out[name]
    else if (value !== undefined) out[name] = merged(out[name], value)
  }
  return out
}

function applied(document: unknown, operation: JsonPatchOperation): unknown {
  const path = operation.path
    .split('/')
    .slice(1)
    .map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = path.pop()!
  const parent = path.reduce<unknown>((o, name) => (o as Record<string, unknown>)?.[name], document)
  if (!isObject(parent) && !Array.isArray(parent)) throw badRequest(`no such path: ${operation.path}`)
  const holder = parent as Record<string, unknown>
  switch (operation.op) {
    case 'add':
      if (Array.isArray(parent))
        parent.splice(last === '-' ? parent.length : Number(last), 0, operation.value)
      else holder[last] = operation.value
      return document
    case 'replace':
      holder[last] = operation.value
      return document
    case 'remove':
      if (Array.isArray(parent)) parent.splice(Number(last), 1)
      else delete holder[last]
      return document
    case 'test':
      if (JSON.stringify(holder[last]) !== JSON.stringify(operation.value))
        throw badRequest(`test failed at ${operation.path}`)
      return document
    default:
      throw badRequest(`the fake does not apply "${operation.op}"`)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
