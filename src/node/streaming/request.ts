import type { StreamOptions } from '../runtime/runtime.ts'

/** What a connection is to be used for, read from its URL. */
export type StreamRequest = ContainerStreamRequest | PortRequest

export type ContainerStreamRequest =
  | (ContainerRequest & { readonly type: 'exec'; readonly command: readonly string[] })
  | (ContainerRequest & { readonly type: 'attach' })

export interface PortRequest extends PodRequest {
  readonly type: 'portForward'
  /** Of WebSocket clients; those of SPDY name them stream by stream. */
  readonly ports: readonly number[]
}

export interface PodRequest {
  readonly namespace: string
  readonly pod: string
  /** Of the pod; undefined when the caller does not mind. */
  readonly uid: string | undefined
}

interface ContainerRequest extends PodRequest {
  readonly container: string
  readonly streams: StreamOptions
}

/** An answer instead of a stream. */
export class StreamRefusal extends Error {
  override readonly name = 'StreamRefusal'
  readonly status: number
  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.status = status
  }
}

const MAX_PORTS = 100

/**
 * The kubelet's paths: /exec and /attach take /NAMESPACE/POD[/UID]/CONTAINER with input, output, error and tty,
 * /portForward takes /NAMESPACE/POD[/UID] with port (WebSocket only).
 */
export function parseStreamRequest(path: string): StreamRequest {
  const url = new URL(path, 'https://kubelet')
  const [, type, ...rest] = url.pathname.split('/').map(decode)
  const [namespace = '', pod = ''] = rest
  const query = url.searchParams
  if (type === 'portForward') {
    if (rest.length < 2 || rest.length > 3 || rest.includes(''))
      throw new StreamRefusal(404, `cannot forward ports: expected /portForward/NAMESPACE/POD, got ${path}`)
    return { type, namespace, pod, uid: rest[2], ports: query.getAll('port').map(portOf).slice(0, MAX_PORTS) }
  }
  if ((type !== 'exec' && type !== 'attach') || rest.length < 3 || rest.length > 4 || rest.includes(''))
    throw new StreamRefusal(404, `cannot stream: expected /exec/NAMESPACE/POD/CONTAINER, got ${path}`)
  const on = (name: string) => query.get(name) === '1' || query.get(name) === 'true'
  const tty = on('tty')
  // A terminal has one stream for both.
  const streams = { stdin: on('input'), stdout: on('output'), stderr: on('error') && !tty, tty }
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw new StreamRefusal(400, 'you must specify at least 1 of stdin, stdout, stderr')
  const where = { namespace, pod, uid: rest.length === 4 ? rest[2] : undefined, container: rest.at(-1)! }
  if (type === 'attach') return { type, ...where, streams }
  const command = query.getAll('command')
  if (command.length === 0) throw new StreamRefusal(400, 'cannot exec: expected a command')
  return { type, ...where, streams, command }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new StreamRefusal(400, `cannot read path element ${JSON.stringify(part)}`)
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65535)
    throw new StreamRefusal(
      400,
      `cannot forward port ${JSON.stringify(text.slice(0, 20))}: expected a number from 1 to 65535`,
    )
  return port
}
