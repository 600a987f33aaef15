import { ApiError, badRequest } from '../../api/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import type { Behaviour } from './behaviours.ts'

/** Metadata in the order of its declaration, with uid where the encoder looks for it. */
export function orderedMetadata(object: KubeObject): KubeObject {
  const { name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, ...rest } =
    object.metadata as KubeObject['metadata'] & { generateName?: string }
  const metadata = {
    name,
    ...(generateName ? { generateName } : {}),
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    resourceVersion: resourceVersion ?? '',
    ...(generation === undefined ? {} : { generation }),
    creationTimestamp,
    ...rest,
  } as KubeObject['metadata']
  return { ...object, metadata }
}

/** Who set which field is not tracked: what a client claims about it is not kept either. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  if (!('managedFields' in object.metadata)) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** The object with its namespace filled in from the path; 400 when it names another one. */
export function inNamespace(kind: Kind, object: KubeObject, namespace: string | undefined): KubeObject {
  const own = object.metadata.namespace
  if (!kind.resource.namespaced || own === namespace) return object
  if (own)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  return { ...object, metadata: { ...object.metadata, namespace } }
}

/** The object with '' for a name that was left out: whatever looks at it may rely on a text. */
export function nameGiven(object: KubeObject): KubeObject {
  const { name } = object.metadata as { name?: string }
  return name === undefined ? { ...object, metadata: { ...object.metadata, name: '' } } : object
}

/** Whether nothing holds a deleted object any more. */
export function isFinished(object: KubeObject, behaviour: Behaviour | undefined): boolean {
  const { deletionTimestamp, finalizers } = object.metadata
  if (!deletionTimestamp || (finalizers && finalizers.length > 0)) return false
  const { deletionGracePeriodSeconds } = object.metadata as { deletionGracePeriodSeconds?: number }
  return !deletionGracePeriodSeconds && !behaviour?.holdsDeletion?.(object)
}

export function parseRevision(text: string): number {
  const revision = Number(text)
  if (/^\d{1,15}$/.test(text) && Number.isSafeInteger(revision)) return revision
  throw invalidResourceVersion(text)
}

function invalidResourceVersion(text: string): ApiError {
  return badRequest(
    `Invalid value: ${JSON.stringify(text.slice(0, 100))}: strconv.ParseUint: parsing ${JSON.stringify(text.slice(0, 100))}: invalid syntax`,
  )
}

/** 504 with the cause that client-go recognises and retries. */
export function tooLarge(wanted: number, current: number): ApiError {
  return new ApiError('Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}
