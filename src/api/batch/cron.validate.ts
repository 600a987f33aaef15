const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

interface Range {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly names?: readonly string[]
  /** What the first of `names` counts as. */
  readonly first?: number
}

const FIELDS: readonly Range[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: MONTHS, first: 1 },
  { name: 'day of week', min: 0, max: 6, names: DAYS, first: 0 },
]
const DESCRIPTORS = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'])
const EVERY = /^@every (\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/

/** What is wrong with a cron schedule (five fields, or a descriptor such as @daily); undefined when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  if (schedule.startsWith('@')) {
    if (DESCRIPTORS.has(schedule) || (schedule.length < 100 && EVERY.test(schedule))) return undefined
    return `unrecognized descriptor: ${schedule}`
  }
  const fields = schedule.split(/\s+/).filter((f) => f !== '')
  if (fields.length !== 5) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`
  for (let i = 0; i < 5; i++) {
    for (const part of fields[i]!.split(',')) {
      const problem = partProblem(part, FIELDS[i]!)
      if (problem) return problem
    }
  }
  return undefined
}

/** One of `*`, `5`, `mon`, `1-5`, each with an optional step `/2`. */
function partProblem(part: string, field: Range): string | undefined {
  const [range = '', step, ...more] = part.split('/')
  if (more.length > 0) return `too many slashes: ${part}`
  if (step !== undefined && (!/^\d{1,9}$/.test(step) || Number(step) === 0)) {
    return /^0+$/.test(step)
      ? `step of range should be a positive number: ${part}`
      : `failed to parse int from ${step}`
  }
  if (range === '*' || range === '?') return undefined
  const [low = '', high, ...rest] = range.split('-')
  if (rest.length > 0) return `too many hyphens: ${part}`
  const start = numberOf(low, field)
  const end = high === undefined ? (step === undefined ? start : field.max) : numberOf(high, field)
  if (start === undefined) return `failed to parse int from ${low}`
  if (end === undefined) return `failed to parse int from ${high}`
  if (start < field.min) return `beginning of range (${start}) below minimum (${field.min}): ${part}`
  if (end > field.max) return `end of range (${end}) above maximum (${field.max}): ${part}`
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${part}`
  return undefined
}

function numberOf(text: string, field: Range): number | undefined {
  const index = field.names?.indexOf(text.toLowerCase()) ?? -1
  if (index >= 0) return index + (field.first ?? 0)
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}
