import { WebSocket } from 'ws'
import { Pod } from '../api/index.ts'
import { type HttpsApi, objectPath } from '../client/index.ts'
import { type Context, UsageError } from './context.ts'
import { containerOf, podOf } from './logs.ts'
import { clusterApi, type ObjectOptions } from './objects.ts'

export interface ExecFlags extends ObjectOptions {
  readonly container?: string
  readonly stdin?: boolean
  readonly tty?: boolean
}

/** The channels of v5.channel.k8s.io: the first byte of each message. */
const STDIN = 0
const STDOUT = 1
const STDERR = 2
const ERROR = 3
const RESIZE = 4
const CLOSE = 255

const MAX_UNSENT_BYTES = 1024 * 1024

interface ExecStatus {
  readonly status?: string
  readonly message?: string
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] }
}

/** Runs a command in a container; the exit code of `dhow` is the command's. */
export async function execCommand(
  word: string,
  command: readonly string[],
  flags: ExecFlags,
  { terminal }: Context,
): Promise<void> {
  if (command.length === 0) throw new UsageError('expected a command: dhow exec POD -- COMMAND')
  const api = await clusterApi(flags)
  try {
    const pod = await podOf(api, word, flags)
    const container = containerOf(pod, flags.container, terminal)
    const status = await runExec(api, pod.metadata.name, command, { ...flags, container })
    process.exitCode = exitCodeOf(status)
    if (status.status === 'Failure' && process.exitCode === 1 && !causeCode(status))
      throw new Error(status.message ?? 'the command failed')
  } finally {
    api.close()
  }
}

const causeCode = (status: ExecStatus) =>
  status.details?.causes?.find((c) => c.reason === 'ExitCode')?.message

export function exitCodeOf(status: ExecStatus): number {
  if (status.status !== 'Failure') return 0
  return Number(causeCode(status) ?? 1) || 1
}

function runExec(
  api: HttpsApi,
  name: string,
  command: readonly string[],
  flags: ExecFlags,
): Promise<ExecStatus> {
  const { url, headers, tls } = api.connection()
  const target = new URL(
    objectPath(Pod.resource, { namespace: flags.namespace ?? 'default', name }, 'exec'),
    url,
  )
  target.protocol = 'wss:'
  const tty = Boolean(flags.tty && process.stdin.isTTY)
  for (const part of command) target.searchParams.append('command', part)
  if (flags.container) target.searchParams.set('container', flags.container)
  for (const [key, on] of Object.entries({ stdin: flags.stdin, stdout: true, stderr: !tty, tty }))
    if (on) target.searchParams.set(key, 'true')
  const socket = new WebSocket(target, ['v5.channel.k8s.io'], { headers, ...tls })
  return new Promise((resolve, reject) => {
    let status: ExecStatus | undefined
    let restore = () => {}
    socket.on('open', () => {
      if (flags.stdin) restore = forwardInput(socket, tty)
    })
    socket.on('message', (data: Buffer) => {
      const payload = data.subarray(1)
      if (data[0] === STDOUT) writeOut(socket, process.stdout, payload)
      else if (data[0] === STDERR) writeOut(socket, process.stderr, payload)
      else if (data[0] === ERROR) status = JSON.parse(payload.toString()) as ExecStatus
    })
    socket.on('unexpected-response', (_, response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      response.on('end', () =>
        reject(
          new Error(`cannot run a command in pod "${name}"`, {
            cause: new Error(refusal(body, response.statusCode)),
          }),
        ),
      )
    })
    socket.on('error', (cause) => reject(new Error(`cannot run a command in pod "${name}"`, { cause })))
    socket.on('close', () => {
      restore()
      if (status) resolve(status)
      else reject(new Error(`cannot tell how the command in pod "${name}" ended: the connection was lost`))
    })
  })
}

/** Whoever reads our output slowly slows the command down, rather than filling our memory. */
function writeOut(socket: WebSocket, to: NodeJS.WriteStream, payload: Buffer): void {
  if (to.write(payload) || socket.isPaused) return
  socket.pause()
  to.once('drain', () => socket.resume())
}

function refusal(body: string, code: number | undefined): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? `HTTP status ${code}`
  } catch {
    return body.trim() || `HTTP status ${code}`
  }
}

function forwardInput(socket: WebSocket, tty: boolean): () => void {
  const { stdin, stdout } = process
  const send = (channel: number, data: Uint8Array, sent = () => {}) =>
    socket.send(Buffer.concat([Buffer.from([channel]), data]), sent)
  // A command that reads slowly slows down what feeds it.
  const onData = (chunk: Buffer) => {
    send(STDIN, chunk, () => {
      if (socket.bufferedAmount < MAX_UNSENT_BYTES) stdin.resume()
    })
    if (socket.bufferedAmount >= MAX_UNSENT_BYTES) stdin.pause()
  }
  // Half-close: the command sees the end of its input while its output still comes.
  const onEnd = () => socket.send(Buffer.from([CLOSE, STDIN]))
  const onResize = () =>
    send(RESIZE, Buffer.from(JSON.stringify({ Width: stdout.columns, Height: stdout.rows })))
  stdin.on('data', onData).on('end', onEnd)
  if (tty) {
    stdin.setRawMode(true)
    stdout.on('resize', onResize)
    onResize()
  }
  return () => {
    stdin.off('data', onData).off('end', onEnd).pause()
    if (tty) {
      stdin.setRawMode(false)
      stdout.off('resize', onResize)
    }
  }
}
