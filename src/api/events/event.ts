import {
  always,
  int32,
  kind,
  microTime,
  opt,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectReference } from '../core/common.ts'
import { EventSource } from '../core/event.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

const eventFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  eventTime: req(2, microTime),
  series: opt(3, () => EventSeries),
  reportingController: opt(4, str),
  reportingInstance: opt(5, str),
  action: opt(6, str),
  reason: opt(7, str),
  regarding: always(8, () => ObjectReference),
  related: opt(9, () => ObjectReference),
  note: opt(10, str),
  type: opt(11, str),
  deprecatedSource: always(12, () => EventSource, { deprecated: true }),
  deprecatedFirstTimestamp: opt(13, time, { deprecated: true }),
  deprecatedLastTimestamp: opt(14, time, { deprecated: true }),
  deprecatedCount: opt(15, int32, { deprecated: true }),
} as const

export interface Event extends Shape<typeof eventFields> {}
export const Event = kind<Event>('events.v1.Event', eventFields, {
  doc: 'A report of something that happened to an object.',
  group: 'events.k8s.io',
  plural: 'events',
  shortNames: ['ev'],
})

const eventSeriesFields = {
  count: req(1, int32),
  lastObservedTime: req(2, microTime),
} as const

export interface EventSeries extends Shape<typeof eventSeriesFields> {}
export const EventSeries = struct<EventSeries>('events.v1.EventSeries', eventSeriesFields)
