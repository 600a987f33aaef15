import type { Readable, Writable } from 'node:stream'
import type { TerminalSize } from '../runtime/runtime.ts'
import type { TerminalSizes } from './sizes.ts'
import { failure, type StreamStatus } from './status.ts'

/** The client's side of an exec or attach, whichever protocol carries it. */
export interface ClientEnds {
  readonly stdin: Readable | undefined
  readonly stdout: Writable | undefined
  readonly stderr: Writable | undefined
  /** Of a terminal. */
  readonly sizes: TerminalSizes | undefined
  /** Resolves when the client is gone. */
  readonly gone: Promise<void>
  /** Says how it ended, a Status in JSON, and closes. */
  finish(status: string, stopping: boolean): Promise<void>
}

/** The container's side. */
export interface ContainerEnds {
  readonly stdin: Writable | undefined
  readonly stdout: Readable | undefined
  readonly stderr: Readable | undefined
  readonly resize: ((size: TerminalSize) => void) | undefined
  /** The outcome as a Status in JSON, once there is one. */
  readonly status: Promise<string>
  release(): void
}

/**
 * Joins a client and a container until the command has ended and all its output is delivered, the client is gone or
 * the agent stops. Each side's bytes wait for the other side to take them, and each direction ends by itself.
 */
export async function runSession(
  client: ClientEnds,
  container: ContainerEnds,
  stopping: AbortSignal,
): Promise<void> {
  if (client.stdin && container.stdin) client.stdin.pipe(container.stdin)
  if (container.resize) client.sizes?.follow(container.resize)
  const outputs = Promise.all([copy(container.stdout, client.stdout), copy(container.stderr, client.stderr)])
  const stopped = new Promise<void>((resolve) => {
    if (stopping.aborted) resolve()
    else stopping.addEventListener('abort', () => resolve(), { once: true })
  })
  const end = await Promise.race([
    outputs.then(() => container.status),
    client.gone.then(() => GONE),
    stopped.then(() => STOPPING),
  ])
  container.release()
  if (end === STOPPING)
    await client.finish(
      statusText(failure('the node agent is stopping; the container goes on running')),
      true,
    )
  else if (end !== GONE) await client.finish(end as string, false)
}

const GONE = Symbol('gone')
const STOPPING = Symbol('stopping')

export const statusText = (status: StreamStatus): string => JSON.stringify(status)

/** Resolves when all that came is handed on, or one of the two has broken. */
function copy(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (!from || !to) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => resolve()
    from.once('close', () => {
      // Broken off before its end: what was handed on is all there is.
      if (!from.readableEnded) to.end()
    })
    from.once('error', () => from.destroy())
    to.once('finish', done).once('close', done).once('error', done)
    from.pipe(to)
  })
}
