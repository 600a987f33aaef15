import { badRequest, type Patch } from '../../api/index.ts'
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicPatch,
  type Json,
  type JsonObject,
  type Kind,
  mergeNode,
  PatchError,
} from '../../schema/index.ts'
import type { Loose } from './memory-api.ts'

/** A patch as the server applies it. */
export function patched(kind: Kind, before: Loose, patch: Patch): Loose {
  const original = structuredClone(before) as unknown as JsonObject
  // What is undefined in a patch made in process would not be on the wire.
  const body = JSON.parse(JSON.stringify(patch.body)) as Json
  try {
    switch (patch.type) {
      case 'merge':
        return applyMergePatch(original, body) as unknown as Loose
      case 'json':
        return applyJsonPatch(original, body) as unknown as Loose
      case 'strategic':
        return applyStrategicPatch(mergeNode(kind), original, body as JsonObject) as unknown as Loose
      default:
        return patch satisfies never
    }
  } catch (error) {
    if (error instanceof PatchError) throw badRequest(error.message)
    throw error
  }
}
