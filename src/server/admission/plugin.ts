import { forbidden, Pod } from '../../api/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import type { AdmissionRequest, ObjectReader } from '../contracts.ts'

/** Objects as admission sees them: the server's own, newest state. */
export type Lookup = Pick<ObjectReader, 'get' | 'list'>

/** The same with news of changes, for plugins that wait for an object. */
export type LiveLookup = Pick<ObjectReader, 'get' | 'list' | 'subscribe'>

export type Admitted = KubeObject | undefined

/**
 * One rule of admission. `admit` may change the object (it returns the one to go on with), `validate` sees what will
 * be stored. Both throw ApiError to refuse. Everything a plugin needs beyond the request it gets when it is made.
 */
export interface AdmissionPlugin {
  readonly name: string
  admit?(request: AdmissionRequest): Admitted | Promise<Admitted>
  validate?(request: AdmissionRequest): void
}

/** Whether the request is about objects of this kind themselves or, with `subresource`, one of their subresources. */
export function isAbout(request: AdmissionRequest, kind: Kind, subresource = ''): boolean {
  const { resource } = request.kind
  return (
    request.subresource === subresource &&
    resource.plural === kind.resource.plural &&
    resource.group === kind.resource.group
  )
}

/** The pod that is being created, if that is what the request does. */
export function createdPod(request: AdmissionRequest): Pod | undefined {
  return request.operation === 'CREATE' && isAbout(request, Pod) ? (request.object as Pod) : undefined
}

/** 403 about the object of the request: `pods "web" is forbidden: why`. */
export function refuse(request: AdmissionRequest, why: string) {
  const { name, generateName } = (request.object?.metadata ?? {}) as { name?: string; generateName?: string }
  // The name may not have been made up yet: then the beginning of it tells which object it is.
  return forbidden(request.kind.resource, request.name || name || generateName || 'Unknown', why)
}

/** Pods that a node made from files of its own carry this. */
export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

export const isMirror = (pod: Pod) => Object.hasOwn(pod.metadata.annotations ?? {}, MIRROR_ANNOTATION)
