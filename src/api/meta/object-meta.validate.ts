import { labelName, labelValue, type NameCheck, qualifiedName } from './names.validate.ts'
import type { ObjectMeta } from './object-meta.ts'
import {
  forbidden,
  IMMUTABLE,
  invalid,
  invalidEach,
  notNegative,
  type Problems,
  required,
  tooLong,
} from './report.validate.ts'

const MAX_ANNOTATIONS_BYTES = 256 * 1024
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

/** The rules for the metadata of a new object, after its name was generated. */
export function validateObjectMeta(
  out: Problems,
  meta: ObjectMeta,
  namespaced: boolean,
  name: NameCheck,
): void {
  if (meta.generateName)
    invalidEach(out, 'metadata.generateName', meta.generateName, name(meta.generateName, true))
  if (!meta.name) required(out, 'metadata.name', 'name or generateName is required')
  else invalidEach(out, 'metadata.name', meta.name, name(meta.name, false))
  if (namespaced) {
    if (!meta.namespace) required(out, 'metadata.namespace')
    else invalidEach(out, 'metadata.namespace', meta.namespace, labelName(meta.namespace, false))
  } else if (meta.namespace) forbidden(out, 'metadata.namespace', 'not allowed on this type')
  notNegative(out, 'metadata.generation', meta.generation)
  validateChangeable(out, meta)
}

/** The rules for metadata that succeeds `old`. */
export function validateObjectMetaUpdate(out: Problems, meta: ObjectMeta, old: ObjectMeta): void {
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    invalid(out, 'metadata.generation', meta.generation ?? 0, 'must not be decremented')
  }
  for (const key of FIXED)
    if (meta[key] !== old[key]) invalid(out, `metadata.${key}`, meta[key] ?? null, IMMUTABLE)
  if (old.deletionTimestamp) {
    const before = new Set(old.finalizers)
    const added = (meta.finalizers ?? []).filter((f) => !before.has(f)).sort()
    if (added.length > 0) {
      const list = `[]string{${added.map((f) => JSON.stringify(f)).join(', ')}}`
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`
      forbidden(out, 'metadata.finalizers', detail)
    }
  }
  validateChangeable(out, meta)
}

const FIXED = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const

function validateChangeable(out: Problems, meta: ObjectMeta): void {
  if (meta.labels) validateLabels(out, 'metadata.labels', meta.labels)
  if (meta.annotations) validateAnnotations(out, 'metadata.annotations', meta.annotations)
  if (meta.ownerReferences) validateOwnerReferences(out, meta.ownerReferences)
  if (meta.finalizers) validateFinalizers(out, meta.finalizers)
}

export function validateLabels(out: Problems, field: string, labels: Readonly<Record<string, string>>): void {
  for (const key in labels) {
    invalidEach(out, field, key, qualifiedName(key))
    invalidEach(out, field, labels[key], labelValue(labels[key]!))
  }
}

export function validateAnnotations(
  out: Problems,
  field: string,
  annotations: Readonly<Record<string, string>>,
): void {
  let bytes = 0
  for (const key in annotations) {
    invalidEach(out, field, key, qualifiedName(key.toLowerCase()))
    bytes += utf8Length(key) + utf8Length(annotations[key]!)
  }
  if (bytes > MAX_ANNOTATIONS_BYTES) tooLong(out, field, MAX_ANNOTATIONS_BYTES)
}

/** The bytes of a text in UTF-8. Counts only where the length alone does not settle it. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x80) continue
    // A surrogate pair is two units and four bytes: two for each.
    bytes += c < 0x800 || (c >= 0xd800 && c <= 0xdfff) ? 1 : 2
  }
  return bytes
}

function validateOwnerReferences(out: Problems, owners: NonNullable<ObjectMeta['ownerReferences']>): void {
  const field = 'metadata.ownerReferences'
  let controller: string | undefined
  for (const owner of owners) {
    if (!versionOf(owner.apiVersion))
      invalid(out, `${field}.apiVersion`, owner.apiVersion, 'version must not be empty')
    if (!owner.kind) invalid(out, `${field}.kind`, owner.kind ?? '', 'must not be empty')
    if (!owner.name) invalid(out, `${field}.name`, owner.name ?? '', 'must not be empty')
    if (!owner.uid) invalid(out, `${field}.uid`, owner.uid ?? '', 'must not be empty')
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') {
      invalid(out, field, owner, '/v1, Kind=Event is disallowed from being an owner reference')
    }
    if (owner.controller !== true) continue
    if (controller === undefined) controller = owner.name
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${owner.name}`
      invalid(out, field, owners, detail)
    }
  }
}

function versionOf(apiVersion: string | undefined): string {
  const parts = (apiVersion ?? '').split('/')
  return parts.length > 2 ? '' : parts.at(-1)!
}

function validateFinalizers(out: Problems, finalizers: readonly string[]): void {
  const field = 'metadata.finalizers'
  for (const finalizer of finalizers) {
    invalidEach(out, field, finalizer, qualifiedName(finalizer))
    if (!finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer)) {
      invalid(out, field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')
    }
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    invalid(out, field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set')
  }
}
