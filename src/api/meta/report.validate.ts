import type { Problem } from '../../schema/index.ts'

/** Where validation writes what it finds. One function a kind of problem keeps the rules readable. */
export type Problems = Problem[]

export function required(out: Problems, field: string, detail = ''): void {
  out.push({ type: 'Required', field, detail })
}

export function invalid(out: Problems, field: string, value: unknown, detail: string): void {
  out.push({ type: 'Invalid', field, value, detail })
}

export function forbidden(out: Problems, field: string, detail: string): void {
  out.push({ type: 'Forbidden', field, detail })
}

export function duplicate(out: Problems, field: string, value: unknown): void {
  out.push({ type: 'Duplicate', field, value, detail: '' })
}

export function notFound(out: Problems, field: string, value: unknown): void {
  out.push({ type: 'NotFound', field, value, detail: '' })
}

export function notSupported(
  out: Problems,
  field: string,
  value: unknown,
  supported: readonly string[],
): void {
  const list = supported.map((v) => JSON.stringify(v)).join(', ')
  out.push({ type: 'NotSupported', field, value, detail: list === '' ? '' : `supported values: ${list}` })
}

export function tooLong(out: Problems, field: string, maxBytes: number): void {
  out.push({ type: 'TooLong', field, detail: `may not be more than ${maxBytes} bytes` })
}

export function tooMany(out: Problems, field: string, count: number, max: number): void {
  out.push({ type: 'TooMany', field, value: count, detail: `must have at most ${max} items` })
}

/** One Invalid for each message a check returns; the checks of ./names.validate.ts return none in the good case. */
export function invalidEach(out: Problems, field: string, value: unknown, messages: readonly string[]): void {
  for (const message of messages) invalid(out, field, value, message)
}

export const IMMUTABLE = 'field is immutable'
export const NOT_NEGATIVE = 'must be greater than or equal to 0'

export function notNegative(out: Problems, field: string, value: number | undefined): void {
  if (value !== undefined && value < 0) invalid(out, field, value, NOT_NEGATIVE)
}

/** Required when it is empty, NotSupported when it is none of the known values. */
export function oneOf(
  out: Problems,
  field: string,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (value === undefined || value === '') required(out, field)
  else if (!supported.includes(value)) notSupported(out, field, value, supported)
}

/** The same where leaving it out is fine. */
export function oneOfIfSet(
  out: Problems,
  field: string,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (value !== undefined && !supported.includes(value)) notSupported(out, field, value, supported)
}
