import type { ExecProcess, StreamOptions } from '../runtime/runtime.ts'
import { type ContainerEnds, statusText } from './session.ts'
import type { SpdyConnection, SpdyStream } from './spdy/connection.ts'
import { failure, outcomeOf } from './status.ts'

/** A command that the agent runs itself. */
export function processEnds(process: ExecProcess, tty: boolean): ContainerEnds {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    resize: tty ? (size) => void process.resize(size).catch(() => {}) : undefined,
    status: process.exited.then(
      (code) => statusText(outcomeOf(code)),
      (error: Error) => statusText(failure(`cannot tell how the command ended: ${error.message}`)),
    ),
    release: () => process.release(),
  }
}

const MAX_STATUS_BYTES = 64 * 1024

/** A stream of the container runtime's: its SPDY connection in v4.channel.k8s.io. */
export function runtimeEnds(
  runtime: SpdyConnection,
  options: StreamOptions,
  type: 'exec' | 'attach',
): ContainerEnds {
  const open = (type: string) => runtime.open({ streamtype: [type] })
  const error = open('error')
  const stdin = options.stdin ? open('stdin') : undefined
  const stdout = options.stdout ? open('stdout') : undefined
  const stderr = options.stderr ? open('stderr') : undefined
  const resize = options.tty ? open('resize') : undefined
  return {
    stdin,
    stdout,
    stderr,
    resize: resize && (({ columns, rows }) => resize.write(JSON.stringify({ Width: columns, Height: rows }))),
    status: statusOf(error).then((text) => {
      if (text !== undefined) return text
      // containerd may close before its last words are read. Who was attached has seen all output all the same.
      const whole = [stdout, stderr].every((s) => !s || s.remoteDone)
      if (type === 'attach' && whole) return statusText(outcomeOf(0))
      return statusText(failure('the connection to the container runtime was lost'))
    }),
    release: () => runtime.destroy(),
  }
}

/** What the runtime says at the end; undefined when it could not. */
async function statusOf(stream: SpdyStream): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      size += (chunk as Buffer).length
      if (size <= MAX_STATUS_BYTES) chunks.push(chunk as Buffer)
    }
  } catch {
    // What came may be whole all the same.
  }
  return size === 0 ? undefined : Buffer.concat(chunks).toString()
}
