/**
 * Quantities (`500m`, `1.5Gi`, `12e6`) exactly: a whole number of billionths and the family of suffixes it was
 * written in. Rules: the API reference, "Quantity". More than nine decimals round up, away from zero;
 * beyond 2^63-1 the value is cut off there.
 */
export interface Quantity {
  readonly nanos: bigint
  readonly format: 'BinarySI' | 'DecimalSI' | 'DecimalExponent'
}

const NANO = 1_000_000_000n
const LIMIT = (2n ** 63n - 1n) * NANO
const MAX_LENGTH = 256

const BINARY: Readonly<Record<string, bigint>> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
}
const DECIMAL: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
}
const DECIMAL_SUFFIX = new Map(Object.entries(DECIMAL).map(([suffix, exponent]) => [exponent, suffix]))
const BINARY_SUFFIX = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

const SHAPE = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*)([-+]?[0-9]*)$/

/** The text is no quantity. The message has Kubernetes' wording. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError'
}

const wrongFormat = () =>
  new QuantityError(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  )
const wrongSuffix = () => new QuantityError("unable to parse quantity's suffix")

/** Throws QuantityError. */
export function parseQuantity(text: string): Quantity {
  const match = text.length <= MAX_LENGTH ? SHAPE.exec(text) : null
  if (!match) throw wrongFormat()
  const [, sign = '', whole = '', fraction = '', letters = '', digits = ''] = match
  if (whole === '' && fraction === '') throw wrongFormat()
  const { format, multiplier, exponent } = readSuffix(letters, digits)
  const mantissa = BigInt(whole + fraction)
  const size = scale(mantissa * multiplier, exponent - fraction.length + 9)
  const nanos = size > LIMIT ? LIMIT : size
  return { nanos: sign === '-' ? -nanos : nanos, format }
}

function readSuffix(letters: string, digits: string) {
  if (digits !== '') {
    if (letters !== 'e' && letters !== 'E') throw wrongSuffix()
    const exponent = Number(digits)
    if (!Number.isInteger(exponent) || Math.abs(exponent) >= 2 ** 31 || !/[0-9]/.test(digits))
      throw wrongSuffix()
    return { format: 'DecimalExponent' as const, multiplier: 1n, exponent }
  }
  const binary = Object.hasOwn(BINARY, letters) ? BINARY[letters] : undefined
  if (binary !== undefined) return { format: 'BinarySI' as const, multiplier: binary, exponent: 0 }
  const exponent = Object.hasOwn(DECIMAL, letters) ? DECIMAL[letters] : undefined
  if (exponent === undefined) throw wrongSuffix()
  return { format: 'DecimalSI' as const, multiplier: 1n, exponent }
}

/** n × 10^exponent, rounded up; without building numbers that are cut off anyway. */
function scale(n: bigint, exponent: number): bigint {
  if (n === 0n) return 0n
  if (exponent >= 0) return exponent > 40 ? LIMIT + 1n : n * 10n ** BigInt(exponent)
  if (-exponent > MAX_LENGTH + 40) return 1n
  const divisor = 10n ** BigInt(-exponent)
  return (n + divisor - 1n) / divisor
}

/** The canonical text: no fraction, the largest suffix that keeps the value whole. */
export function formatQuantity(q: Quantity): string {
  if (q.nanos === 0n) return '0'
  const size = q.nanos < 0n ? -q.nanos : q.nanos
  const sign = q.nanos < 0n ? '-' : ''
  if (q.format === 'BinarySI' && size % NANO === 0n && size / NANO >= 1024n) {
    let mantissa = size / NANO
    let power = 0
    while (power < 6 && mantissa % 1024n === 0n) {
      mantissa /= 1024n
      power++
    }
    return `${sign}${mantissa}${BINARY_SUFFIX[power]}`
  }
  let mantissa = size
  let exponent = -9
  while (exponent < 18 && mantissa % 1000n === 0n) {
    mantissa /= 1000n
    exponent += 3
  }
  if (q.format === 'DecimalExponent') return `${sign}${mantissa}${exponent === 0 ? '' : `e${exponent}`}`
  return `${sign}${mantissa}${DECIMAL_SUFFIX.get(exponent)}`
}

export function compareQuantities(a: Quantity, b: Quantity): -1 | 0 | 1 {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0
}

/** Keeps the suffixes of the first that is not zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format }
}

/** In thousandths, rounded up: CPU in millicores. */
export function milliValue(q: Quantity | string): number {
  return Number(ceilDivide((typeof q === 'string' ? cachedQuantity(q) : q).nanos, 1_000_000n))
}

/** In whole units, rounded up: memory in bytes. */
export function wholeValue(q: Quantity | string): number {
  return Number(ceilDivide((typeof q === 'string' ? cachedQuantity(q) : q).nanos, NANO))
}

function ceilDivide(n: bigint, d: bigint): bigint {
  return n > 0n ? (n + d - 1n) / d : n < 0n ? -((-n + d - 1n) / d) : 0n
}

// The same few texts come by again and again.
const CACHE_SIZE = 4096
const parsed = new Map<string, Quantity>()
const canonical = new Map<string, string>()

function cachedQuantity(text: string): Quantity {
  let q = parsed.get(text)
  if (!q) {
    q = parseQuantity(text)
    if (parsed.size >= CACHE_SIZE) parsed.clear()
    parsed.set(text, q)
  }
  return q
}

/** `canonicalQuantity('0.5')` is `500m`. Throws QuantityError. */
export function canonicalQuantity(text: string): string {
  let out = canonical.get(text)
  if (out === undefined) {
    out = formatQuantity(parseQuantity(text))
    if (canonical.size >= CACHE_SIZE) canonical.clear()
    canonical.set(text, out)
  }
  return out
}
