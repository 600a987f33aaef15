import {
  always,
  body,
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
import { ObjectMeta } from '../meta/object-meta.ts'
import { ObjectReference } from './common.ts'

const serializedReferenceFields = {
  ...typeMeta,
  reference: always(1, () => ObjectReference),
} as const

export interface SerializedReference extends Shape<typeof serializedReferenceFields> {}
export const SerializedReference = body<SerializedReference>(
  'core.v1.SerializedReference',
  serializedReferenceFields,
  { group: '' },
)

const eventSourceFields = {
  component: opt(1, str),
  host: opt(2, str),
} as const

export interface EventSource extends Shape<typeof eventSourceFields> {}
export const EventSource = struct<EventSource>('core.v1.EventSource', eventSourceFields)

const eventFields = {
  ...typeMeta,
  metadata: req(1, () => ObjectMeta),
  involvedObject: req(2, () => ObjectReference),
  reason: opt(3, str),
  message: opt(4, str),
  source: always(5, () => EventSource),
  firstTimestamp: opt(6, time),
  lastTimestamp: opt(7, time),
  count: opt(8, int32),
  type: opt(9, str),
  eventTime: opt(10, microTime),
  series: opt(11, () => EventSeries),
  action: opt(12, str),
  related: opt(13, () => ObjectReference),
  reportingComponent: always(14, str),
  reportingInstance: always(15, str),
} as const

export interface Event extends Shape<typeof eventFields> {}
export const Event = kind<Event>('core.v1.Event', eventFields, {
  doc: 'A report of something that happened to an object.',
  group: '',
  plural: 'events',
  shortNames: ['ev'],
})

const eventSeriesFields = {
  count: opt(1, int32),
  lastObservedTime: opt(2, microTime),
} as const

export interface EventSeries extends Shape<typeof eventSeriesFields> {}
export const EventSeries = struct<EventSeries>('core.v1.EventSeries', eventSeriesFields)
