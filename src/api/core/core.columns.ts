import type { Kind, KubeObject } from '../../schema/index.ts'
import { Event as EventsEvent } from '../events/event.ts'
import {
  AGE,
  age,
  containerImages,
  containerNames,
  firstFew,
  labelText,
  type Printer,
  table,
  wide,
} from '../table.columns.ts'
import { ComponentStatus } from './component-status.ts'
import { ConfigMap, Secret } from './config.ts'
import { Endpoints } from './endpoints.ts'
import { Event } from './event.ts'
import { Namespace } from './namespace.ts'
import { ResourceQuota } from './quota.ts'
import { ReplicationController } from './replication-controller.ts'
import { ServiceAccount } from './service-account.ts'

const size = (map: object | undefined) => Object.keys(map ?? {}).length

const healthy = (c: ComponentStatus) => c.conditions?.find((condition) => condition.type === 'Healthy')

export const componentStatusTable = table(
  ComponentStatus,
  ['Status', (c) => (healthy(c) ? (healthy(c)?.status === 'True' ? 'Healthy' : 'Unhealthy') : 'Unknown')],
  ['Message', (c) => healthy(c)?.message ?? ''],
  ['Error', (c) => healthy(c)?.error ?? ''],
)

export const configMapTable = table(ConfigMap, ['Data', (c) => size(c.data) + size(c.binaryData)], AGE)
export const secretTable = table(Secret, ['Type', (s) => s.type ?? ''], ['Data', (s) => size(s.data)], AGE)
export const namespaceTable = table(Namespace, ['Status', (n) => n.status.phase ?? ''], AGE)
export const serviceAccountTable = table(ServiceAccount, AGE)

const joinHostPort = (host: string, port: number) =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

function endpointsText(endpoints: Endpoints): string {
  const { subsets } = endpoints
  if (!subsets?.length) return '<none>'
  const all: string[] = []
  for (const { addresses, ports } of subsets) {
    if (!ports?.length) all.push(...(addresses ?? []).map((a) => a.ip))
    else for (const port of ports) all.push(...(addresses ?? []).map((a) => joinHostPort(a.ip, port.port)))
  }
  return firstFew(all, 3)
}

export const endpointsTable = table(Endpoints, ['Endpoints', endpointsText], AGE)

function quotaText(quota: ResourceQuota, limits: boolean): string {
  const hard = quota.status.hard ?? {}
  return Object.keys(hard)
    .sort()
    .filter((key) => (key.split('.')[0] === 'limits') === limits)
    .map((key) => `${key}: ${quota.status.used?.[key] ?? '0'}/${hard[key]}`)
    .join(', ')
}

export const resourceQuotaTable = table(
  ResourceQuota,
  ['Request', (q) => quotaText(q, false)],
  ['Limit', (q) => quotaText(q, true)],
  AGE,
)

export const replicationControllerTable = table(
  ReplicationController,
  ['Desired', (r) => r.spec.replicas ?? 0, 'integer'],
  ['Current', (r) => r.status.replicas, 'integer'],
  ['Ready', (r) => r.status.readyReplicas ?? 0, 'integer'],
  AGE,
  wide('Containers', (r) => containerNames(r.spec.template)),
  wide('Images', (r) => containerImages(r.spec.template)),
  wide('Selector', (r) => labelText(r.spec.selector)),
)

/** Both kinds of Event in core's words. */
interface Seen {
  readonly type: string | undefined
  readonly reason: string | undefined
  readonly first: string | undefined
  readonly last: string | undefined
  readonly time: string | undefined
  readonly series:
    | { readonly lastObservedTime?: string | undefined; readonly count?: number | undefined }
    | undefined
  readonly object: {
    readonly kind?: string | undefined
    readonly name?: string | undefined
    readonly fieldPath?: string | undefined
  }
  readonly source: { readonly component?: string | undefined; readonly host?: string | undefined }
  readonly reporter: string | undefined
  readonly instance: string | undefined
  readonly message: string | undefined
  readonly count: number | undefined
}

const coreSeen = (e: Event): Seen => ({
  type: e.type,
  reason: e.reason,
  first: e.firstTimestamp,
  last: e.lastTimestamp,
  time: e.eventTime,
  series: e.series,
  object: e.involvedObject,
  source: e.source ?? {},
  reporter: e.reportingComponent,
  instance: e.reportingInstance,
  message: e.message,
  count: e.count,
})

const eventsSeen = (e: EventsEvent): Seen => ({
  type: e.type,
  reason: e.reason,
  first: e.deprecatedFirstTimestamp,
  last: e.deprecatedLastTimestamp,
  time: e.eventTime,
  series: e.series,
  object: e.regarding ?? {},
  source: e.deprecatedSource ?? {},
  reporter: e.reportingController,
  instance: e.reportingInstance,
  message: e.note,
  count: e.deprecatedCount,
})

const firstSeen = (e: Seen, now: number) => (e.first ? age(e.first, now) : age(e.time, now))

function lastSeen(e: Seen, now: number): string {
  if (e.series) return age(e.series.lastObservedTime, now)
  return e.last ? age(e.last, now) : firstSeen(e, now)
}

function objectText({ object }: Seen): string {
  const kind = (object.kind ?? '').toLowerCase()
  return object.name ? `${kind}/${object.name}` : kind
}

function sourceText(e: Seen): string {
  const component = e.source.component || e.reporter || ''
  const host = e.source.host || e.instance || ''
  return host ? `${component}, ${host}` : component
}

const countOf = (e: Seen) => e.series?.count || e.count || 1

function eventTableOf<T extends KubeObject>(kind: Kind<T>, seen: (event: T) => Seen): Printer<T> {
  const named = table<T>(
    kind,
    ['Last Seen', (e, now) => lastSeen(seen(e), now)],
    ['Type', (e) => seen(e).type ?? ''],
    ['Reason', (e) => seen(e).reason ?? ''],
    ['Object', (e) => objectText(seen(e))],
    wide('Subobject', (e) => seen(e).object.fieldPath ?? ''),
    wide('Source', (e) => sourceText(seen(e))),
    ['Message', (e) => (seen(e).message ?? '').trim()],
    wide('First Seen', (e, now) => firstSeen(seen(e), now)),
    wide('Count', (e) => String(countOf(seen(e)))),
  )
  // The name comes last here, and only in wide rows.
  const [name, ...others] = named.columns
  return {
    ...named,
    columns: [...others, { ...name!, priority: 1 }],
    cells: (event, now) => {
      const [first, ...rest] = named.cells(event, now)
      return [...rest, first]
    },
  }
}

export const eventTable = eventTableOf(Event, coreSeen)
export const eventsEventTable = eventTableOf(EventsEvent, eventsSeen)
