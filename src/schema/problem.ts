/**
 * One thing wrong with an object, at a field. Kinds and wording of `type` follow Kubernetes' field errors
 * (apimachinery pkg/util/validation/field), because clients show and sometimes match them.
 */
export interface Problem {
  readonly type:
    | 'Required'
    | 'Invalid'
    | 'Duplicate'
    | 'Forbidden'
    | 'NotSupported'
    | 'TooLong'
    | 'TooMany'
    | 'TypeInvalid'
    | 'NotFound'
    | 'InternalError'
  /** `spec.containers[0].ports[1].name`; map keys as `metadata.labels[app]`. */
  readonly field: string
  /** What was found there; undefined for Required, Forbidden. */
  readonly value?: unknown
  /** What was expected; for NotSupported the list of supported values, already in words. */
  readonly detail: string
}

/** The text Kubernetes prints for a problem: `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
export function problemText(p: Problem): string {
  return `${p.field}: ${problemBody(p)}`
}

/** The same without the field: the `message` of a Status cause. */
export function problemBody(p: Problem): string {
  const words = PROBLEM_WORDS[p.type]
  const shown =
    p.type === 'Required' || p.type === 'Forbidden' || p.type === 'TooLong' || p.type === 'InternalError'
      ? words
      : `${words}: ${shownValue(p.value)}`
  return p.detail === '' ? shown : `${shown}: ${p.detail}`
}

const PROBLEM_WORDS: Record<Problem['type'], string> = {
  Required: 'Required value',
  Invalid: 'Invalid value',
  Duplicate: 'Duplicate value',
  Forbidden: 'Forbidden',
  NotSupported: 'Unsupported value',
  TooLong: 'Too long',
  TooMany: 'Too many',
  TypeInvalid: 'Invalid value',
  NotFound: 'Not found',
  InternalError: 'Internal error',
}

const MAX_SHOWN = 2000

/** What nobody would read to its end is cut: it came from a client, and goes back several times. */
function shownValue(value: unknown): string {
  if (value === undefined || value === null) return 'null'
  const text = typeof value === 'string' || typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}… (${text.length} characters)`
}
