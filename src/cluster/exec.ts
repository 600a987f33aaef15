import { type SpawnOptions, spawn } from 'node:child_process'

/** A command that ran and did not succeed. `stderr` is what it said, cut to its last 2,000 characters. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number | null
  readonly stderr: string
  constructor(
    command: readonly string[],
    exitCode: number | null,
    stderr: string,
    options?: { cause?: unknown },
  ) {
    const said = stderr.trim().slice(-2000)
    super(
      `cannot run "${command.join(' ')}": ${said || (exitCode === null ? 'it did not start' : `exit code ${exitCode}`)}`,
      options,
    )
    this.exitCode = exitCode
    this.stderr = said
  }
}

export interface RunOptions {
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly timeoutMs?: number
  /** Lines of stdout and stderr as they come. */
  readonly onLine?: (line: string) => void
}

/** Runs a program to its end and resolves to its stdout; rejects with `CommandError` unless it exits with 0. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await attempt(command, options)
  if (result.exitCode !== 0) throw new CommandError(command, result.exitCode, result.stderr || result.stdout)
  return result.stdout
}

export interface Outcome {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/** Like `run`, but an exit code other than 0 is an answer, not an error. */
export function attempt(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program, ...args] = command
  const spawnOptions: SpawnOptions = { stdio: ['pipe', 'pipe', 'pipe'] }
  if (options.env) spawnOptions.env = { ...process.env, ...options.env }
  if (options.cwd) spawnOptions.cwd = options.cwd
  if (options.timeoutMs) Object.assign(spawnOptions, { timeout: options.timeoutMs, killSignal: 'SIGKILL' })
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, spawnOptions)
    const out: Buffer[] = []
    const err: Buffer[] = []
    let size = 0
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_OUTPUT_BYTES) child.kill('SIGKILL')
      else into.push(chunk)
    }
    child.stdout!.on('data', collect(out))
    child.stderr!.on('data', collect(err))
    if (options.onLine) {
      forEachLine(child.stdout!, options.onLine)
      forEachLine(child.stderr!, options.onLine)
    }
    child.on('error', (cause) => reject(new CommandError(command, null, String(cause.message), { cause })))
    child.on('close', (exitCode) => {
      resolve({ exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() })
    })
    child.stdin!.on('error', () => {}) // the program need not read its input
    child.stdin!.end(options.input)
  })
}

function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line)
  })
  stream.on('end', () => {
    if (rest) onLine(rest)
  })
}
