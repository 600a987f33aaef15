import { badRequest, type CreateOptions } from '../../api/index.ts'
import { decode, decodeErrorText, type KubeObject, type StructType } from '../../schema/index.ts'

export type FieldValidation = NonNullable<CreateOptions['fieldValidation']>

const MODES = { Strict: 'strict', Warn: 'warn', Ignore: 'ignore' } as const

/**
 * A body as its type says; 400 in Kubernetes' words when it does not fit, warnings for what is only unknown.
 * `duplicates` are texts about keys that the body has twice: they count as unknown fields do.
 */
export function decodeObject<T = KubeObject>(
  type: StructType<T>,
  json: unknown,
  validation: FieldValidation,
  warn: (text: string) => void,
  duplicates: readonly string[] = [],
): T {
  const { value, problems, warnings } = decode(type, json, { unknown: MODES[validation] })
  const repeated = duplicates.map((text) => ({ what: 'duplicate', field: '', text }) as const)
  const all = validation === 'Strict' ? [...repeated, ...problems] : problems
  if (all.length > 0) throw badRequest(decodeErrorText(type.apiKind ?? { version: '', kind: type.name }, all))
  if (validation === 'Warn') for (const warning of [...duplicates, ...warnings]) warn(warning)
  return value
}

export function notThisKind(type: StructType, why: string): Error {
  const { version, kind } = type.apiKind ?? { version: '', kind: type.name }
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`)
}

/** 400 for a body that says it is something else than what belongs here. */
export function unrecognized(
  own: { readonly kind: string; readonly apiVersion: string },
  given: { readonly kind?: unknown; readonly apiVersion?: unknown },
): Error {
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))?.slice(0, 100)
  return badRequest(
    `the object provided is unrecognized: expected ${own.apiVersion} ${own.kind}, got ${shown(given.apiVersion)} ${shown(given.kind)}`,
  )
}
