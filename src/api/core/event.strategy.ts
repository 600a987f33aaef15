import { defineStrategy } from '../define.strategy.ts'
import { Event as EventsEvent } from '../events/event.ts'
import { Event } from './event.ts'
import { validateEvent, validateEventsEvent } from './event.validate.ts'

/** Both faces of the same stored object; their fields differ in name. */
export const eventStrategy = defineStrategy(Event, {
  validate: validateEvent,
  createOnUpdate: true,
  fields: {
    'involvedObject.kind': (e) => e.involvedObject.kind ?? '',
    'involvedObject.namespace': (e) => e.involvedObject.namespace ?? '',
    'involvedObject.name': (e) => e.involvedObject.name ?? '',
    'involvedObject.uid': (e) => e.involvedObject.uid ?? '',
    'involvedObject.apiVersion': (e) => e.involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': (e) => e.involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': (e) => e.involvedObject.fieldPath ?? '',
    reason: (e) => e.reason ?? '',
    reportingComponent: (e) => e.reportingComponent,
    source: (e) => e.source.component || e.reportingComponent,
    type: (e) => e.type ?? '',
  },
})

export const eventsEventStrategy = defineStrategy(EventsEvent, {
  validate: validateEventsEvent,
  createOnUpdate: true,
  fields: {
    'regarding.kind': (e) => e.regarding?.kind ?? '',
    'regarding.namespace': (e) => e.regarding?.namespace ?? '',
    'regarding.name': (e) => e.regarding?.name ?? '',
    'regarding.uid': (e) => e.regarding?.uid ?? '',
    'regarding.apiVersion': (e) => e.regarding?.apiVersion ?? '',
    'regarding.resourceVersion': (e) => e.regarding?.resourceVersion ?? '',
    'regarding.fieldPath': (e) => e.regarding?.fieldPath ?? '',
    reason: (e) => e.reason ?? '',
    reportingController: (e) => e.reportingController ?? '',
    type: (e) => e.type ?? '',
  },
})
