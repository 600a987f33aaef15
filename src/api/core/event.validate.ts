import type { Event as EventsEvent } from '../events/event.ts'
import { qualifiedName } from '../meta/names.validate.ts'
import { invalid, type Problems, required } from '../meta/report.validate.ts'
import type { Event } from './event.ts'

const NO_MATCH = 'does not match event.namespace'
const MAX = { name: 128, action: 128, reason: 128, note: 1024 } as const

/** An event lies in the namespace of what it is about; what has none is told of in `default` or `kube-system`. */
function validateNamespace(out: Problems, namespace: string, about: string | undefined): void {
  if (about) {
    if (about !== namespace) invalid(out, 'involvedObject.namespace', about, NO_MATCH)
  } else if (namespace !== '' && namespace !== 'default' && namespace !== 'kube-system') {
    invalid(out, 'involvedObject.namespace', '', NO_MATCH)
  }
}

export function validateEvent(out: Problems, event: Event): void {
  validateNamespace(out, event.metadata.namespace ?? '', event.involvedObject?.namespace)
  if (!event.eventTime) return
  validateNewStyle(
    out,
    event.reportingComponent,
    event.reportingInstance,
    event.action,
    event.reason,
    event.type,
  )
  if ((event.message ?? '').length > MAX.note)
    invalid(out, 'message', '', `can have at most ${MAX.note} characters`)
}

/** The rules of events.k8s.io, which also hold for core events that carry an eventTime. */
function validateNewStyle(
  out: Problems,
  controller: string | undefined,
  instance: string | undefined,
  action: string | undefined,
  reason: string | undefined,
  type: string | undefined,
): void {
  if (!controller) required(out, 'reportingController')
  else
    for (const message of qualifiedName(controller)) invalid(out, 'reportingController', controller, message)
  if (!instance) required(out, 'reportingInstance')
  else if (instance.length > MAX.name)
    invalid(out, 'reportingInstance', '', `can have at most ${MAX.name} characters`)
  if (!action) required(out, 'action')
  else if (action.length > MAX.action) invalid(out, 'action', '', `can have at most ${MAX.action} characters`)
  if (!reason) required(out, 'reason')
  else if (reason.length > MAX.reason) invalid(out, 'reason', '', `can have at most ${MAX.reason} characters`)
  if (type !== 'Normal' && type !== 'Warning') invalid(out, 'type', type ?? '', 'has invalid value: ')
}

export function validateEventsEvent(out: Problems, event: EventsEvent): void {
  validateNamespace(out, event.metadata.namespace ?? '', event.regarding?.namespace)
  if (!event.eventTime) required(out, 'eventTime')
  validateNewStyle(
    out,
    event.reportingController,
    event.reportingInstance,
    event.action,
    event.reason,
    event.type,
  )
  if ((event.note ?? '').length > MAX.note)
    invalid(out, 'note', '', `can have at most ${MAX.note} characters`)
}
