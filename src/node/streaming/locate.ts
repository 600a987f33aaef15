import type { ObservedPod, StreamOptions } from '../runtime/runtime.ts'
import type { StreamContext } from '../server.ts'
import { type ContainerStreamRequest, type PodRequest, StreamRefusal } from './request.ts'

type Found = NonNullable<ReturnType<StreamContext['view']['find']>>

function locatePod(wanted: PodRequest, { view }: StreamContext): Found {
  const found = view.find(wanted.namespace, wanted.pod)
  if (!found || (wanted.uid !== undefined && found.pod.metadata.uid !== wanted.uid))
    throw new StreamRefusal(404, `pod "${wanted.namespace}/${wanted.pod}" is not on this node`)
  return found
}

/** The id of the running container, and the streams that it can have. Refuses what is not there. */
export function locateContainer(
  wanted: ContainerStreamRequest,
  context: StreamContext,
): { readonly container: string; readonly streams: StreamOptions } {
  const { pod, observed } = locatePod(wanted, context)
  const running = observed.containers.find((c) => c.name === wanted.container && c.state === 'running')
  if (!running) throw new StreamRefusal(500, `container not found ("${wanted.container}")`)
  if (wanted.type === 'exec') return { container: running.id, streams: wanted.streams }
  // Whether a running process has a terminal was decided when it was started.
  const spec = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []),
    ...(pod.spec.ephemeralContainers ?? []),
  ].find((c) => c.name === wanted.container)
  const tty = spec?.tty ?? false
  return { container: running.id, streams: { ...wanted.streams, tty, stderr: wanted.streams.stderr && !tty } }
}

/** The id of the pod's sandbox, whose ports are forwarded. */
export function locateSandbox(wanted: PodRequest, context: StreamContext): string {
  const { observed }: { readonly observed: ObservedPod } = locatePod(wanted, context)
  const sandbox = observed.sandboxes.find((s) => s.ready)
  if (sandbox) return sandbox.id
  throw new StreamRefusal(
    500,
    `cannot forward ports of pod "${wanted.namespace}/${wanted.pod}": its sandbox is not ready`,
  )
}
