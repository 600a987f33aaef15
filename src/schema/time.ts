/**
 * Points in time and durations as Kubernetes writes them. `normalTime` and `normalMicroTime` give the canonical
 * text, '' for the zero time (which is the same as absent), and undefined for what is no RFC 3339 time.
 */

const SECONDS = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/
const ANY = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d{1,30}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const ZERO = '0001-01-01T00:00:00'

/** `2026-01-02T03:04:05Z` */
export function normalTime(text: string): string | undefined {
  // The common case: already in the canonical form.
  if (text.length === 20 && SECONDS.test(text)) {
    if (!realTime(text)) return undefined
    return text.startsWith(ZERO) ? '' : text
  }
  const instant = parseTime(text)
  if (!instant) return undefined
  const out = isoSeconds(instant.seconds)
  return out === undefined ? undefined : out.startsWith(ZERO) && instant.nanos === 0 ? '' : `${out}Z`
}

/** `2026-01-02T03:04:05.678901Z` */
export function normalMicroTime(text: string): string | undefined {
  const instant = parseTime(text)
  if (!instant) return undefined
  const out = isoSeconds(instant.seconds)
  if (out === undefined) return undefined
  if (out.startsWith(ZERO) && instant.nanos === 0) return ''
  return `${out}.${String(Math.floor(instant.nanos / 1000)).padStart(6, '0')}Z`
}

export interface Instant {
  /** Since 1970, UTC; negative before. */
  readonly seconds: number
  readonly nanos: number
}

/** Any RFC 3339 time; undefined when it is none. */
export function parseTime(text: string): Instant | undefined {
  const match = text.length <= 64 ? ANY.exec(text) : null
  if (!match) return undefined
  const [, date = '', clock = '', fraction = '', sign = '', hours = '0', minutes = '0'] = match
  const base = `${date}T${clock}Z`
  if (!realTime(base) || Number(hours) > 23 || Number(minutes) > 59) return undefined
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 * (sign === '-' ? -1 : 1)
  return { seconds: Date.parse(base) / 1000 - offset, nanos: Number(fraction.slice(0, 9).padEnd(9, '0')) }
}

/** The text of an instant with whole seconds; '' for the zero time. */
export function formatTime({ seconds, nanos }: Instant): string | undefined {
  const out = isoSeconds(seconds)
  return out === undefined ? undefined : out.startsWith(ZERO) && nanos === 0 ? '' : `${out}Z`
}

export function formatMicroTime({ seconds, nanos }: Instant): string | undefined {
  const out = isoSeconds(seconds)
  return out === undefined ? undefined : `${out}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`
}

function isoSeconds(seconds: number): string | undefined {
  const date = new Date(seconds * 1000)
  const year = date.getUTCFullYear()
  if (Number.isNaN(year) || year < 0 || year > 9999) return undefined
  return date.toISOString().slice(0, 19)
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Checks the numbers of `YYYY-MM-DDThh:mm:ssZ`: the 30th of February is no day. */
function realTime(text: string): boolean {
  const month = two(text, 5)
  const day = two(text, 8)
  if (month < 1 || month > 12 || day < 1) return false
  const year = two(text, 0) * 100 + two(text, 2)
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return (
    day <= DAYS[month - 1]! + (leap ? 1 : 0) && two(text, 11) < 24 && two(text, 14) < 60 && two(text, 17) < 60
  )
}

function two(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48
}

const UNITS: readonly (readonly [string, bigint])[] = [
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]
const UNIT = new Map(UNITS)
const PART = /^([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)/
const MAX_NANOS = 2n ** 63n - 1n

/** `1h2m3.5s` in nanoseconds; undefined when it is no duration. */
export function parseDuration(text: string): bigint | undefined {
  if (text.length === 0 || text.length > 256) return undefined
  const negative = text.startsWith('-')
  let rest = text.replace(/^[+-]/, '')
  if (rest === '0') return 0n
  if (rest === '') return undefined
  let nanos = 0n
  while (rest !== '') {
    const match = PART.exec(rest)
    if (!match) return undefined
    const [all, whole = '', fraction = '', unit = ''] = match
    if (whole === '' && fraction === '') return undefined
    const size = UNIT.get(unit)!
    nanos += BigInt(whole || '0') * size + (BigInt(fraction || '0') * size) / 10n ** BigInt(fraction.length)
    if (nanos > MAX_NANOS) return undefined
    rest = rest.slice(all.length)
  }
  return negative ? -nanos : nanos
}

/** `1h2m3.5s`; below a second in ms, µs or ns. */
export function formatDuration(nanos: bigint): string {
  if (nanos === 0n) return '0s'
  const size = nanos < 0n ? -nanos : nanos
  const sign = nanos < 0n ? '-' : ''
  if (size < 1_000n) return `${sign}${size}ns`
  if (size < 1_000_000n) return `${sign}${decimal(size, 1_000n)}µs`
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 1_000_000n)}ms`
  const hours = size / 3_600_000_000_000n
  const minutes = (size / 60_000_000_000n) % 60n
  const seconds = decimal(size % 60_000_000_000n, 1_000_000_000n)
  return `${sign}${hours > 0n ? `${hours}h` : ''}${hours > 0n || minutes > 0n ? `${minutes}m` : ''}${seconds}s`
}

function decimal(value: bigint, unit: bigint): string {
  const fraction = (value % unit)
    .toString()
    .padStart(unit.toString().length - 1, '0')
    .replace(/0+$/, '')
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`
}
