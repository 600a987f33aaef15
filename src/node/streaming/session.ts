import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../base/index.ts'
import type { TerminalSize } from '../runtime/runtime.ts'
import { Idle } from './idle.ts'
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
  /** Says how it ended, a Status in JSON, and closes; `early`: though the command may go on. */
  finish(status: string, early: boolean): Promise<void>
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
 * Joins a client and a container until the command has ended and all its output is delivered, the client is gone, the
 * agent stops, or nothing came or went for four hours. Each side's bytes wait for the other side to take them, and each
 * direction ends by itself.
 */
export async function runSession(
  client: ClientEnds,
  container: ContainerEnds,
  clock: Clock,
  stopping: AbortSignal,
): Promise<void> {
  if (client.stdin && container.stdin) client.stdin.pipe(container.stdin)
  if (container.resize) client.sizes?.follow(container.resize)
  const outputs = Promise.all([copy(container.stdout, client.stdout), copy(container.stderr, client.stderr)])
  const stop = Promise.withResolvers<End>()
  const idle = new Idle(clock, () =>
    stop.resolve({ status: broken('nothing came or went for four hours'), early: true }),
  )
  for (const stream of [client.stdin, container.stdout, container.stderr])
    stream?.on('data', () => idle.touch())
  const stopped = () =>
    stop.resolve({ status: broken('the node agent is stopping; the container goes on running'), early: true })
  if (stopping.aborted) stopped()
  else stopping.addEventListener('abort', stopped, { once: true })
  const end = await Promise.race([
    outputs.then(() => container.status).then((status): End => ({ status, early: false })),
    client.gone.then(() => undefined),
    stop.promise,
  ])
  stopping.removeEventListener('abort', stopped)
  idle.cancel()
  // Before it is let go: a client's stream that closes would pause what still has to be read.
  container.stdout?.unpipe()
  container.stderr?.unpipe()
  container.release()
  if (end) await client.finish(end.status, end.early)
}

interface End {
  readonly status: string
  /** Not by the container's doing. */
  readonly early: boolean
}

const broken = (message: string) => statusText(failure(message))

export const statusText = (status: StreamStatus): string => JSON.stringify(status)

/** Resolves when all that came is handed on, or one of the two has broken. */
export function copy(from: Readable | undefined, to: Writable | undefined): Promise<void> {
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
