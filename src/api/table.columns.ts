import type { KubeObject, StructType } from '../schema/index.ts'
import type { LabelSelector, ObjectMeta } from './meta/object-meta.ts'

/** A column as Table output declares it. */
export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'boolean' | 'date'
  readonly format: '' | 'name'
  readonly description: string
  /** Above 0: shown only with `-o wide`. */
  readonly priority: number
}

export interface RowCondition {
  readonly type: 'Completed'
  readonly status: 'True'
  readonly reason: string
}

/** How objects of a kind are listed: the columns, and the cells of a row in their order. */
export interface Printer<T> {
  /** The declared type, by whose name the table is found. */
  readonly kind: { readonly name: string }
  readonly columns: readonly Column[]
  cells(object: T, nowMs: number): readonly unknown[]
  conditions(object: T): readonly RowCondition[]
}

export type Cell<T> = (object: T, nowMs: number) => unknown
export type ColumnSpec<T> = readonly [
  name: string,
  cell: Cell<T>,
  type?: Column['type'],
  priority?: number,
  format?: Column['format'],
]

const NO_CONDITIONS: readonly RowCondition[] = []

/** A column that only `-o wide` shows. */
export const wide = <T>(name: string, cell: Cell<T>): ColumnSpec<T> => [name, cell, 'string', 1]

/** A table whose first column is the object's name. */
export function table<T extends KubeObject>(
  kind: StructType<T>,
  ...specs: readonly ColumnSpec<T>[]
): Printer<T> {
  const all: readonly ColumnSpec<T>[] = [NAME, ...specs]
  return {
    kind,
    columns: all.map(columnOf),
    cells: (object, nowMs) => all.map((spec) => spec[1](object, nowMs)),
    conditions: () => NO_CONDITIONS,
  }
}

export function columnOf<T>([name, , type = 'string', priority = 0, format = '']: ColumnSpec<T>): Column {
  return { name, type, format, description: '', priority }
}

export const NAME: ColumnSpec<KubeObject> = ['Name', (o) => o.metadata.name, 'string', 0, 'name']
export const AGE: ColumnSpec<KubeObject> = ['Age', (o, now) => age(o.metadata.creationTimestamp, now)]

/** For kinds without a table of their own. */
export const CREATED_AT: ColumnSpec<KubeObject> = ['Created At', (o) => o.metadata.creationTimestamp, 'date']

// --- how values read ---

/** How long ago `time` was; '<unknown>' when there is none. */
export function age(time: string | undefined, nowMs: number): string {
  return time ? humanDuration(nowMs - Date.parse(time)) : '<unknown>'
}

/** A duration in at most two units, as every Kubernetes client shows it: `119s`, `5m12s`, `3h`, `2d4h`, `400d`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.trunc(seconds / 60)
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(minutes / 60)
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (hours < 192) return two(days, 'd', hours % 24, 'h')
  if (days < 365 * 2) return `${days}d`
  const years = Math.trunc(days / 365)
  return days < 365 * 8 ? two(years, 'y', days % 365, 'd') : `${years}y`
}

const two = (a: number, unitA: string, b: number, unitB: string) =>
  b === 0 ? `${a}${unitA}` : `${a}${unitA}${b}${unitB}`

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) =>
  a < b ? -1 : a > b ? 1 : 0

/** `a=1,b=2`, or '<none>'. */
export function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).sort(byKey)
  return pairs.length === 0 ? '<none>' : pairs.map(([key, value]) => `${key}=${value}`).join(',')
}

/** `a=1,b in (x,y),!c`; '' when it selects everything, undefined when an operator is unknown. */
export function selectorText(selector: LabelSelector | undefined): string | undefined {
  const parts: [string, string][] = Object.entries(selector?.matchLabels ?? {}).map(([k, v]) => [
    k,
    `${k}=${v}`,
  ])
  for (const { key, operator, values } of selector?.matchExpressions ?? []) {
    const list = `(${[...(values ?? [])].sort().join(',')})`
    if (operator === 'In') parts.push([key, `${key} in ${list}`])
    else if (operator === 'NotIn') parts.push([key, `${key} notin ${list}`])
    else if (operator === 'Exists') parts.push([key, key])
    else if (operator === 'DoesNotExist') parts.push([key, `!${key}`])
    else return undefined
  }
  return parts
    .sort(byKey)
    .map(([, text]) => text)
    .join(',')
}

export function selectorOrNone(selector: LabelSelector | undefined): string {
  const text = selectorText(selector)
  return text === undefined ? '<error>' : text || '<none>'
}

/** The first `count` entries, then ` + N more...`. */
export function firstFew(entries: readonly string[], count: number): string {
  const shown = entries.slice(0, count).join(',')
  return entries.length > count ? `${shown} + ${entries.length - count} more...` : shown
}

export const orNone = (text: string | undefined) => text || '<none>'
export const orUnset = (text: string | number | undefined) =>
  text === undefined || text === '' ? '<unset>' : text

interface WithContainers {
  readonly spec?:
    | { readonly containers?: readonly { readonly name: string; readonly image?: string | undefined }[] }
    | undefined
}

export const containerNames = (template: WithContainers | undefined) =>
  (template?.spec?.containers ?? []).map((c) => c.name).join(',')
export const containerImages = (template: WithContainers | undefined) =>
  (template?.spec?.containers ?? []).map((c) => c.image ?? '').join(',')

/** Whether one of the annotations makes the object the default of its kind. */
export function isDefault(
  metadata: Pick<ObjectMeta, 'annotations'>,
  ...annotations: readonly string[]
): boolean {
  return annotations.some((key) => metadata.annotations?.[key] === 'true')
}

interface LoadBalancer {
  readonly ingress?:
    | readonly { readonly ip?: string | undefined; readonly hostname?: string | undefined }[]
    | undefined
}

/** The addresses a load balancer got, sorted, each once. */
export function loadBalancerText(status: LoadBalancer | undefined): string {
  const all = (status?.ingress ?? []).map((i) => i.ip || i.hostname || '').filter((a) => a !== '')
  return [...new Set(all)].sort().join(',')
}
