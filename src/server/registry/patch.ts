import { ApiError, badRequest, type Patch } from '../../api/index.ts'
import {
  apiVersionOf,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicPatch,
  type Json,
  type JsonObject,
  type Kind,
  type KubeObject,
  mergeNode,
  PatchError,
  type StructType,
} from '../../schema/index.ts'
import { unrecognized } from './decode.ts'

/** The object with the patch applied, as plain JSON that is still to be decoded. */
export function applyPatch(kind: Kind, type: StructType, object: KubeObject, patch: Patch): JsonObject {
  const document = object as unknown as JsonObject
  try {
    const result = patched(type, document, patch)
    if (typeof result !== 'object' || result === null || Array.isArray(result)) {
      throw badRequest(
        `cannot patch ${kind.resource.plural} "${object.metadata.name}": the result must be an object`,
      )
    }
    return asKind(type, result as JsonObject)
  } catch (error) {
    if (!(error instanceof PatchError)) throw error
    if (error.status === 413) throw new ApiError('RequestEntityTooLarge', error.message)
    if (error.status === 422) throw new ApiError('Invalid', error.message, undefined, { cause: error })
    throw badRequest(error.message)
  }
}

/** A patch may leave out or repeat what the object is, not make it something else. */
function asKind(type: StructType, object: JsonObject): JsonObject {
  const { group, version, kind } = type.apiKind!
  const apiVersion = apiVersionOf({ group, version })
  const isOther = (given: Json | undefined, own: string) =>
    given !== own && given !== undefined && given !== null
  if (isOther(object.kind, kind) || isOther(object.apiVersion, apiVersion))
    throw unrecognized({ kind, apiVersion }, object)
  return { ...object, kind, apiVersion }
}

function patched(type: StructType, document: JsonObject, patch: Patch): Json {
  switch (patch.type) {
    case 'json':
      return applyJsonPatch(document, patch.body)
    case 'merge':
      return applyMergePatch(document, objectBody(patch.body))
    case 'strategic':
      return applyStrategicPatch(mergeNode(type), document, objectBody(patch.body))
  }
}

function objectBody(body: unknown): JsonObject {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as JsonObject
  throw badRequest('error decoding patch: expected an object')
}
