import {
  Event,
  EventsEvent,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  strategyFor,
} from '../../api/index.ts'
import {
  apiVersionOf,
  applyDefaults,
  decode,
  type Kind,
  type KubeObject,
  type StructType,
} from '../../schema/index.ts'
import { autoscalerV1ToV2, autoscalerV2ToV1 } from './conversion-autoscaler.ts'

/** Two kinds over one stored form: an object written through either is read through both. */
export interface Conversion {
  readonly served: Kind
  readonly storage: Kind
  fromStorage(object: KubeObject): KubeObject
  toStorage(object: KubeObject): KubeObject
}

type Loose = Readonly<Record<string, unknown>>

/** events.k8s.io's name of a field → the core one's. The others are called the same. */
const EVENT_FIELDS: readonly (readonly [string, string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
  ['reportingController', 'reportingComponent'],
]

function renamed(object: Loose, names: readonly (readonly [string, string])[]): Loose {
  const to = new Map(names)
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [to.get(key) ?? key, value]))
}

/** The converted object as a decoded object of its new kind: its fields in order, its own defaults filled in. */
function as(kind: Kind, object: Loose): KubeObject {
  const typed = { ...object, kind: kind.resource.kind, apiVersion: apiVersionOf(kind.resource) }
  return decode(kind as StructType<KubeObject>, typed).value
}

function stored(kind: Kind, object: Loose): KubeObject {
  return strategyFor(kind).defaults(applyDefaults(kind, as(kind, object)))
}

const CORE_EVENT_FIELDS = EVENT_FIELDS.map(([a, b]) => [b, a] as const)

export const conversions: readonly Conversion[] = [
  {
    served: EventsEvent as unknown as Kind,
    storage: Event as unknown as Kind,
    fromStorage: (object) =>
      as(EventsEvent as unknown as Kind, renamed(object as unknown as Loose, CORE_EVENT_FIELDS)),
    toStorage: (object) =>
      stored(Event as unknown as Kind, renamed(object as unknown as Loose, EVENT_FIELDS)),
  },
  {
    served: HorizontalPodAutoscalerV1 as unknown as Kind,
    storage: HorizontalPodAutoscaler as unknown as Kind,
    fromStorage: (object) =>
      as(HorizontalPodAutoscalerV1 as unknown as Kind, autoscalerV2ToV1(object as unknown as Loose)),
    toStorage: (object) =>
      stored(HorizontalPodAutoscaler as unknown as Kind, autoscalerV1ToV2(object as unknown as Loose)),
  },
]
