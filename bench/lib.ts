/** What the benchmarks share: rounds, their spread, and a table that names the machine and the number to reach. */
import { cpus, release, totalmem } from 'node:os'

/** Median and spread of some rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly rounds: number
}

export interface Result {
  readonly name: string
  /** `ms`, `writes/s`, `MB` */
  readonly unit: string
  readonly spread: Spread
  /** The number to reach: at most (`<=`) or at least (`>=`). */
  readonly target?: { readonly is: '<=' | '>='; readonly value: number }
}

/** The q-quantile (0 to 1) of some numbers; 0.5 is the median. */
export function quantile(numbers: readonly number[], q: number): number {
  if (numbers.length === 0) throw new Error('cannot take a quantile: expected numbers, got none')
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
}

export function spreadOf(numbers: readonly number[]): Spread {
  return {
    median: quantile(numbers, 0.5),
    min: Math.min(...numbers),
    max: Math.max(...numbers),
    rounds: numbers.length,
  }
}

/** Runs `once` a first time to warm up, then `rounds` times; each gives one number. */
export async function measure(rounds: number, once: () => Promise<number>): Promise<Spread> {
  await once()
  const numbers: number[] = []
  for (let i = 0; i < rounds; i++) numbers.push(await once())
  return spreadOf(numbers)
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** `2 x AMD EPYC …, 8 GB, Linux 5.10, Node v26.10.0` */
export function machine(): string {
  const cores = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`
  return `${cores.length} x ${cores[0]?.model.trim() ?? 'unknown CPU'}, ${memory}, Linux ${release()}, Node ${process.version}`
}

/** Prints the results as a table, with the machine they were measured on. */
export function report(title: string, results: readonly Result[]): void {
  const rows = results.map(({ name, unit, spread, target }) => [
    name,
    `${digits(spread.median)} ${unit}`,
    `${digits(spread.min)} to ${digits(spread.max)}`,
    target ? `${target.is} ${digits(target.value)}` : '',
    target ? (reached(spread.median, target) ? 'yes' : 'NO') : '',
  ])
  const table = [['', 'median', 'spread', 'target', 'reached'], ...rows]
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  console.log(`\n${title}  (${machine()})`)
  for (const row of table)
    console.log(
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd()}`,
    )
}

function reached(value: number, { is, value: target }: NonNullable<Result['target']>): boolean {
  return is === '<=' ? value <= target : value >= target
}

function digits(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toPrecision(3).replace(/\.?0+$/, '')
}
