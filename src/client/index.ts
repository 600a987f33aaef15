export { type BackoffOptions, backoffMs } from './backoff.ts'
export { Cache, type IndexFunction, type Lister } from './cache.ts'
export {
  type EventNote,
  EventRecorder,
  type EventRecorderOptions,
  type EventSubject,
} from './event-recorder.ts'
export { MAX_BODY_BYTES, readBody, type TlsMaterial, UnreachableError } from './http.ts'
export {
  type HttpsApi,
  type HttpsApiOptions,
  httpsApi,
  type RawRequest,
  type RawResponse,
} from './https-api.ts'
export type { Informer, InformerEvent, InformerHandler, Selection } from './informer.ts'
export { Informers, type InformersOptions } from './informers.ts'
export { keyOf, keyText, parseKey } from './keys.ts'
export { type Connection, KubeconfigError, loadKubeconfig, tokenFromFile } from './kubeconfig.ts'
export { type LeaderElectionOptions, runElected } from './leader-election.ts'
export { lines } from './lines.ts'
export { LruMap } from './lru.ts'
export { collectionPath, groupPath, objectPath, query } from './paths.ts'
export { type Outcome, WorkQueue, type WorkQueueOptions } from './work-queue.ts'
