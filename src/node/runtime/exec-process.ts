import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { close, constants, open } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { type ContainerdCalls, GRPC_NOT_FOUND, GrpcError } from '../cri/index.ts'
import type { ExecProcess, StreamOptions, TerminalSize } from './runtime.ts'

const QUICK = { timeoutMs: 120_000 }
const PROCESS_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/Process'
const NAMES = ['stdin', 'stdout', 'stderr'] as const
type Name = (typeof NAMES)[number]

/**
 * A command in a container, run through containerd's task service with pipes of our own. Not through CRI's Exec: that
 * stops reading the client's input as soon as the command closes its stdout or stderr, as `sh -c 'cat > file'` does, and
 * the file ends early (containerd issue 13934). Rejects when the command cannot be started.
 */
export async function startProcess(
  containerd: ContainerdCalls,
  containerId: string,
  command: readonly string[],
  streams: StreamOptions,
  size?: TerminalSize,
): Promise<ExecProcess> {
  const spec = processSpec(await containerSpec(containerd, containerId), command, streams.tty, size)
  const key = { containerId, execId: `dhow-${randomUUID()}` }
  // Output that nobody asked for is read all the same: the command must not wait for a reader.
  const names = NAMES.filter((n) => (n === 'stdin' ? streams.stdin : n === 'stdout' || !streams.tty))
  const pipes = await Pipes.make(names)
  let added = false
  try {
    await containerd.exec(
      {
        ...key,
        ...pipes.paths,
        terminal: streams.tty,
        spec: { typeUrl: PROCESS_TYPE, value: Buffer.from(JSON.stringify(spec)) },
      },
      QUICK,
    )
    added = true
    const exited = containerd.wait(key)
    exited.catch(() => {})
    await containerd.start(key, QUICK)
    return runningProcess(containerd, key, pipes, streams, exited)
  } catch (error) {
    pipes.destroy()
    if (added) containerd.deleteProcess(key, QUICK).catch(() => {})
    throw error
  } finally {
    // Both sides have opened them, or never will.
    await pipes.unlink()
  }
}

function runningProcess(
  containerd: ContainerdCalls,
  key: { readonly containerId: string; readonly execId: string },
  pipes: Pipes,
  streams: StreamOptions,
  exited: Promise<{ readonly exitStatus: number }>,
): ExecProcess {
  const { stdin, stdout, stderr } = pipes.sockets
  if (!streams.stdout) stdout?.resume()
  if (!streams.stderr) stderr?.resume()
  const closeInput = () => containerd.closeIO({ ...key, stdin: true }, QUICK).catch(() => {})
  const ended = exited.finally(() => stdin?.destroy())
  // Not before its output is read: deleting cuts that off after two seconds.
  void Promise.all([ended.catch(() => {}), over(stdout), over(stderr)]).then(() =>
    containerd.deleteProcess(key, QUICK).catch(() => {}),
  )
  ended.catch(() => {})
  return {
    stdin: stdin && streams.stdin ? inputOf(stdin, closeInput) : undefined,
    stdout: streams.stdout ? stdout : undefined,
    stderr: streams.stderr ? stderr : undefined,
    exited: ended.then((answer) => answer.exitStatus),
    async resize({ columns, rows }) {
      await containerd.resizePty({ ...key, width: columns, height: rows }, QUICK)
    },
    release() {
      stdin?.destroy()
      void closeInput()
      // The command must not wait for a reader that is gone.
      stdout?.removeAllListeners('data').resume()
      stderr?.removeAllListeners('data').resume()
    },
  }
}

function over(pipe: Socket | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (!pipe || pipe.destroyed) resolve()
    else pipe.once('close', () => resolve())
  })
}

/** A pipe has no half-close: its end is ours being closed, and containerd's copy too. */
function inputOf(pipe: Socket, closeInput: () => Promise<unknown>): Writable {
  const input = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (pipe.destroyed) done()
      else pipe.write(chunk, () => done())
    },
    final(done) {
      pipe.destroy()
      void closeInput().then(() => done())
    },
  })
  // Nobody reads any more: what is still to come goes nowhere.
  pipe.once('close', () => {
    if (!input.writableFinished) input.destroy()
  })
  input.on('error', () => {})
  return input
}

interface ProcessSpec {
  readonly env?: readonly string[]
  readonly [field: string]: unknown
}

async function containerSpec(containerd: ContainerdCalls, id: string): Promise<ProcessSpec> {
  const { container } = await containerd.getContainer({ id }, QUICK)
  const spec = container?.spec
  if (!spec) throw new GrpcError(GRPC_NOT_FOUND, `container "${id}" has no specification`)
  const { process } = JSON.parse(Buffer.from(spec.value).toString()) as { process?: ProcessSpec }
  if (!process) throw new GrpcError(GRPC_NOT_FOUND, `container "${id}" has no process`)
  return process
}

/** The container's user, environment, directory and rights, with another command. */
export function processSpec(
  own: ProcessSpec,
  command: readonly string[],
  tty: boolean,
  size?: TerminalSize,
): ProcessSpec {
  const { consoleSize: _, commandLine: __, ...rest } = own
  if (!tty) return { ...rest, args: command, terminal: false }
  const env = [...(own.env ?? []).filter((e) => !e.startsWith('TERM=')), 'TERM=xterm']
  const consoleSize = size && { width: size.columns, height: size.rows }
  return { ...rest, args: command, terminal: true, env, ...(consoleSize ? { consoleSize } : {}) }
}

/** Named pipes: what containerd's shim takes for a process' streams. */
class Pipes {
  readonly sockets: { readonly [N in Name]?: Socket }
  readonly paths: { readonly [N in Name]?: string }
  readonly #dir: string

  static async make(names: readonly Name[]): Promise<Pipes> {
    const dir = await mkdtemp(join(tmpdir(), 'dhow-exec-'))
    try {
      const paths = names.map((n) => join(dir, n))
      await promisify(execFile)('mkfifo', ['-m', '600', ...paths])
      const sockets: [Name, Socket][] = []
      for (const [i, name] of names.entries()) sockets.push([name, await openPipe(paths[i]!, name)])
      return new Pipes(dir, sockets)
    } catch (error) {
      await rm(dir, { recursive: true, force: true })
      throw error
    }
  }

  private constructor(dir: string, sockets: readonly (readonly [Name, Socket])[]) {
    this.#dir = dir
    this.sockets = Object.fromEntries(sockets)
    this.paths = Object.fromEntries(sockets.map(([name]) => [name, join(dir, name)]))
  }

  async unlink(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true })
  }

  destroy(): void {
    for (const socket of Object.values(this.sockets)) socket.destroy()
  }
}

/** Without waiting for the other side; for writing that means reading, too. */
function openPipe(path: string, name: Name): Promise<Socket> {
  const flags = name === 'stdin' ? constants.O_RDWR : constants.O_RDONLY
  return new Promise((resolve, reject) => {
    open(path, flags | constants.O_NONBLOCK, (error, fd) => {
      if (error) return reject(error)
      try {
        const socket = new Socket({ fd, readable: name !== 'stdin', writable: name === 'stdin' })
        socket.on('error', () => socket.destroy())
        resolve(socket)
      } catch (cause) {
        close(fd, () => {})
        reject(cause)
      }
    })
  })
}
