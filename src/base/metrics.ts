/**
 * Where a part's figures go. Names follow Kubernetes' own. Label values come from small sets (kinds, queue names, verbs):
 * a series that has been counted stays. A hot path passes the same labels object each time, which costs no text.
 */
export interface Metrics {
  increment(name: string, labels: Labels, by?: number): void
  set(name: string, labels: Labels, value: number): void
  /** A duration in seconds, or a size, into a histogram. */
  observe(name: string, labels: Labels, value: number): void
}

export type Labels = Readonly<Record<string, string>>

export const noMetrics: Metrics = { increment() {}, set() {}, observe() {} }

/** What is known of metrics before their first value, by name. */
export interface MetricDescriptions {
  /** A name without one is its own description. */
  readonly help?: Readonly<Record<string, string>>
  /** Upper bounds of a histogram's buckets, ascending. */
  readonly buckets?: Readonly<Record<string, readonly number[]>>
}

type Type = 'counter' | 'gauge' | 'histogram'

interface Series {
  /** A histogram's sum. */
  value: number
  count: number
  /** How many values fell into each bucket and into none before it. */
  readonly counts: number[]
}

interface Family {
  readonly name: string
  readonly type: Type
  readonly help: string
  readonly buckets: readonly number[]
  readonly series: Map<string, Series>
  readonly known: WeakMap<Labels, Series>
}

/** From 1 ms to 5 minutes. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
/** A label that grows without bounds must not take the memory with it. */
const MAX_SERIES = 10_000

/**
 * Counters, gauges and histograms, written in Prometheus' text format 0.0.4. (The usual library costs 18 MB of a
 * process that may have 120.)
 */
export class MetricStore implements Metrics {
  static readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'
  readonly #families = new Map<string, Family>()
  readonly #descriptions: MetricDescriptions
  readonly #collectors: (() => void)[] = []

  constructor(descriptions: MetricDescriptions = {}) {
    this.#descriptions = descriptions
  }

  increment(name: string, labels: Labels, by = 1): void {
    const series = this.#series(name, 'counter', labels)
    if (series) series.value += by
  }

  set(name: string, labels: Labels, value: number): void {
    const series = this.#series(name, 'gauge', labels)
    if (series) series.value = value
  }

  observe(name: string, labels: Labels, value: number): void {
    const series = this.#series(name, 'histogram', labels)
    if (!series) return
    const { buckets } = this.#families.get(name)!
    let i = 0
    while (i < buckets.length && value > buckets[i]!) i++
    series.counts[i] = (series.counts[i] ?? 0) + 1
    series.value += value
    series.count++
  }

  /** `fn` runs before each reading, to set what is only looked up then. */
  onRead(fn: () => void): void {
    this.#collectors.push(fn)
  }

  /** Sets a gauge's series to exactly these. */
  replace(name: string, label: string, values: Iterable<readonly [string, number]>): void {
    this.#families.delete(name)
    for (const [key, value] of values) this.set(name, { [label]: key }, value)
  }

  /** All series as text. */
  text(): string {
    for (const collect of this.#collectors) collect()
    const out: string[] = []
    for (const family of this.#families.values()) {
      out.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`)
      for (const [labels, series] of family.series) {
        if (family.type === 'histogram') writeHistogram(out, family, labels, series)
        else out.push(`${family.name}${braced(labels)} ${series.value}`)
      }
    }
    return `${out.join('\n')}\n`
  }

  /** undefined: there are too many already. */
  #series(name: string, type: Type, labels: Labels): Series | undefined {
    const family = this.#families.get(name) ?? this.#newFamily(name, type)
    const known = family.known.get(labels)
    if (known) return known
    const text = labelText(labels)
    let series = family.series.get(text)
    if (!series) {
      if (family.series.size >= MAX_SERIES) return undefined
      series = { value: 0, count: 0, counts: type === 'histogram' ? [0, ...family.buckets.map(() => 0)] : [] }
      family.series.set(text, series)
    }
    family.known.set(labels, series)
    return series
  }

  #newFamily(name: string, type: Type): Family {
    const help = this.#descriptions.help?.[name] ?? name.replaceAll('_', ' ')
    const buckets = this.#descriptions.buckets?.[name] ?? BUCKETS
    const family: Family = { name, type, help, buckets, series: new Map(), known: new WeakMap() }
    this.#families.set(name, family)
    return family
  }
}

function writeHistogram(out: string[], { name, buckets }: Family, labels: string, series: Series): void {
  let count = 0
  for (const [i, limit] of buckets.entries()) {
    count += series.counts[i]!
    out.push(`${name}_bucket${braced(joined(labels, `le="${limit}"`))} ${count}`)
  }
  out.push(
    `${name}_bucket${braced(joined(labels, 'le="+Inf"'))} ${series.count}`,
    `${name}_sum${braced(labels)} ${series.value}`,
    `${name}_count${braced(labels)} ${series.count}`,
  )
}

const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([k, v]) => `${k}="${v.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',')
const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`)
const joined = (a: string, b: string): string => (a === '' ? b : `${a},${b}`)
