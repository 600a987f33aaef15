import { createHash } from 'node:crypto'
import type { Container, Pod } from '../../api/index.ts'

/**
 * How a sandbox or container is recognised after a restart of the agent: Kubernetes' own labels, so that its tools
 * find them too, and annotations with what a decision needs later. Nothing is remembered anywhere else.
 */
export const POD_NAME = 'io.kubernetes.pod.name'
export const POD_NAMESPACE = 'io.kubernetes.pod.namespace'
export const POD_UID = 'io.kubernetes.pod.uid'
export const CONTAINER_NAME = 'io.kubernetes.container.name'
export const CONTAINER_HASH = 'io.kubernetes.container.hash'
export const RESTART_COUNT = 'io.kubernetes.container.restartCount'
export const MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath'
export const MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy'
export const GRACE_PERIOD = 'io.kubernetes.pod.terminationGracePeriod'
/** The delay before the next start, should this one fail: doubles from one start to the next. */
export const BACKOFF_MS = 'dhow.io/restart-backoff-ms'
/** The requests and limits that the container was made with. */
export const RESOURCES = 'dhow.io/resources'
/** Where on the node the container's termination message appears. */
export const MESSAGE_FILE = 'dhow.io/termination-message-file'

export function sandboxLabels(pod: Pod): Record<string, string> {
  return {
    ...pod.metadata.labels,
    [POD_NAME]: pod.metadata.name,
    [POD_NAMESPACE]: pod.metadata.namespace ?? '',
    [POD_UID]: pod.metadata.uid,
  }
}

export function containerLabels(pod: Pod, container: Pick<Container, 'name'>): Record<string, string> {
  return {
    [POD_NAME]: pod.metadata.name,
    [POD_NAMESPACE]: pod.metadata.namespace ?? '',
    [POD_UID]: pod.metadata.uid,
    [CONTAINER_NAME]: container.name,
  }
}

/** Changes when what a running container was made from changes: only the image may change in a running pod. */
export function containerHash(container: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([container.name, container.image]))
    .digest('hex')
    .slice(0, 8)
}

/** Requests and limits in one text, to tell whether they changed. */
export function resourcesText(container: Pick<Container, 'resources'>): string {
  const sorted = (list: Readonly<Record<string, string>> | undefined) =>
    Object.fromEntries(Object.entries(list ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)))
  const { requests, limits } = container.resources ?? {}
  return JSON.stringify({ requests: sorted(requests), limits: sorted(limits) })
}

export const podLogDirectory = (podDir: string): string => `${podDir}/logs`
export const containerLogPath = (name: string, attempt: number): string => `${name}/${attempt}.log`
export const podText = (pod: Pod): string => `${pod.metadata.namespace}/${pod.metadata.name}`
/** `web_default(uid)`, as messages name a pod. */
export const podFullText = (pod: Pod): string =>
  `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`
