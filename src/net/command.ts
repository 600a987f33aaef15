import { spawn } from 'node:child_process'

/** A program of the machine that ran and did not succeed; the message ends with what it said. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number | null
  constructor(program: string, exitCode: number | null, said: string, options?: { cause?: unknown }) {
    super(`cannot run ${program}: ${said.trim().slice(0, 2000) || `exit code ${exitCode}`}`, options)
    this.exitCode = exitCode
  }
}

/** Runs a program to its end with `input`, and resolves to what it printed. */
export type Command = (program: string, args: readonly string[], input?: string) => Promise<string>

const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

/** Programs of this machine, in this process' network namespace, or behind `prefix` (`['nsenter', '--net=…']`). */
export function machineCommand(prefix: readonly string[] = []): Command {
  return (program, args, input) =>
    new Promise((resolve, reject) => {
      const [first, ...rest] = [...prefix, program, ...args]
      const child = spawn(first!, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
      const out: Buffer[] = []
      let said = ''
      let size = 0
      child.stdout.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > MAX_OUTPUT_BYTES) child.kill('SIGKILL')
        else out.push(chunk)
      })
      child.stderr.on('data', (chunk: Buffer) => {
        if (said.length < 10_000) said += chunk.toString()
      })
      child.on('error', (cause) => reject(new CommandError(program, null, cause.message, { cause })))
      child.on('close', (code) => {
        if (code === 0) resolve(Buffer.concat(out).toString())
        else reject(new CommandError(program, code, said))
      })
      child.stdin.on('error', () => {}) // the program need not read its input
      child.stdin.end(input)
    })
}
