import { type Kind, type Problem, problemBody, problemText } from '../schema/index.ts'

/** metav1.Status as it goes over the wire. */
export interface StatusObject {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string }
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: StatusDetails
  readonly code?: number
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly {
    readonly reason?: string
    readonly message?: string
    readonly field?: string
  }[]
  readonly retryAfterSeconds?: number
}

export type Reason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Expired'
  | 'Gone'
  | 'Invalid'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Timeout'
  | 'ServerTimeout'

const CODES: Record<Reason, number> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServerTimeout: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
}

/** What a request failed with. Callers branch on `reason` and `code`, never on the text. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: number
  readonly reason: Reason
  readonly details: StatusDetails | undefined
  /** Where an expired list may go on: what changed meanwhile may then be missing or there twice. */
  readonly continue: string | undefined

  constructor(
    reason: Reason,
    message: string,
    details?: StatusDetails,
    options?: { cause?: unknown; code?: number; continue?: string },
  ) {
    super(message, options)
    this.reason = reason
    this.code = options?.code ?? CODES[reason]
    this.details = details
    this.continue = options?.continue
  }

  get status(): StatusObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continue === undefined ? {} : { continue: this.continue },
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    }
  }

  /** The error a Status object that came over the wire stands for. */
  static from(status: StatusObject): ApiError {
    return new ApiError(
      (status.reason ?? 'InternalError') as Reason,
      status.message ?? 'the server gave no reason',
      status.details,
      {
        code: status.code ?? 500,
        ...(status.metadata?.continue ? { continue: status.metadata.continue } : {}),
      },
    )
  }
}

/** True for an ApiError with one of these reasons. */
export function isApiError(error: unknown, ...reasons: Reason[]): error is ApiError {
  return error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason))
}

type Named = Pick<Kind['resource'], 'group' | 'plural' | 'kind'>

const qualified = (r: Named) => (r.group === '' ? r.plural : `${r.plural}.${r.group}`)
const detailsOf = (r: Named, name: string): StatusDetails => ({
  name,
  ...(r.group ? { group: r.group } : {}),
  kind: r.plural,
})

/** 404: `pods "web" not found`. */
export function notFound(r: Named, name: string): ApiError {
  return new ApiError('NotFound', `${qualified(r)} "${name}" not found`, detailsOf(r, name))
}

/** 409: `pods "web" already exists`. */
export function alreadyExists(r: Named, name: string): ApiError {
  return new ApiError('AlreadyExists', `${qualified(r)} "${name}" already exists`, detailsOf(r, name))
}

/** 409, with the wording that clients know to retry on. */
export function conflict(
  r: Named,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError {
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(r)} "${name}": ${why}`,
    detailsOf(r, name),
  )
}

/** 403: `pods "web" is forbidden: …`. */
export function forbidden(r: Named, name: string, why: string): ApiError {
  const what = name === '' ? `${qualified(r)} is forbidden` : `${qualified(r)} "${name}" is forbidden`
  return new ApiError('Forbidden', `${what}: ${why}`, detailsOf(r, name))
}

const MAX_CAUSES = 100

/** 422 with one cause a problem, up to a number that somebody may still read. */
export function invalid(r: Named, name: string, all: readonly Problem[]): ApiError {
  const problems = all.slice(0, MAX_CAUSES)
  const texts = problems.map(problemText)
  if (all.length > problems.length) texts.push(`and ${all.length - problems.length} more`)
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  const kind = r.group === '' ? r.kind : `${r.kind}.${r.group}`
  return new ApiError('Invalid', `${kind} "${name}" is invalid: ${list}`, {
    name,
    ...(r.group ? { group: r.group } : {}),
    kind: r.kind,
    causes: problems.map((p) => ({ reason: CAUSE_REASONS[p.type], message: problemBody(p), field: p.field })),
  })
}

const CAUSE_REASONS: Record<Problem['type'], string> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  Duplicate: 'FieldValueDuplicate',
  Forbidden: 'FieldValueForbidden',
  NotSupported: 'FieldValueNotSupported',
  TooLong: 'FieldValueTooLong',
  TooMany: 'FieldValueTooMany',
  TypeInvalid: 'FieldValueTypeInvalid',
  NotFound: 'FieldValueNotFound',
  InternalError: 'InternalError',
}

/** 400: the request itself makes no sense. */
export function badRequest(message: string): ApiError {
  return new ApiError('BadRequest', message)
}

/** 410: the resourceVersion or continue token is older than the history that is kept. */
export function expired(message: string, options?: { readonly continue: string }): ApiError {
  return new ApiError('Expired', message, undefined, options)
}
