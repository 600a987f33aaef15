import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../base/index.ts'

/** A TCP connection inside of a pod's network. Its directions end each by itself. */
export interface PortConnection {
  readonly input: Writable
  readonly output: Readable
  close(): void
}

const CONNECT_TIMEOUT_MS = 30_000
/** After one direction has ended, how long the other may go on. */
const HALF_OPEN_SECONDS = 4 * 3600
const MAX_MESSAGES = 16 * 1024

let able: Promise<boolean> | undefined

/** Whether this machine has what `connectInside` runs. */
export function canEnterNetworks(): Promise<boolean> {
  able ??= Promise.all(['nsenter', 'socat'].map(isProgram)).then((found) => found.every(Boolean))
  return able
}

async function isProgram(name: string): Promise<boolean> {
  for (const dir of (process.env.PATH ?? '').split(':')) {
    const found = await access(join(dir, name), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return true
  }
  return false
}

/** To a port of the pod's own loopback address, of either family. Rejects with why it cannot be reached. */
export async function connectInside(netns: string, port: number, clock: Clock): Promise<PortConnection> {
  try {
    return await connect(netns, `TCP4:127.0.0.1:${port}`, clock)
  } catch (error) {
    return connect(netns, `TCP6:[::1]:${port}`, clock).catch(() => {
      throw error
    })
  }
}

/** Only a process can enter another network namespace: each connection has one, which copies. */
function connect(netns: string, address: string, clock: Clock): Promise<PortConnection> {
  // Each direction's end is handed on as such: shut-close for the output, as it is for TCP.
  const halves = ['-t', String(HALF_OPEN_SECONDS), 'STDIN!!STDOUT,shut-close', address]
  const args = [`--net=${netns}`, 'socat', '-d', '-d', ...halves]
  const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const close = () => void child.kill('SIGKILL')
  child.stdin.on('error', () => {})
  return new Promise((resolve, reject) => {
    let said = ''
    const cancel = clock.after(CONNECT_TIMEOUT_MS, close)
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < MAX_MESSAGES) said += chunk.toString()
      if (!said.includes('starting data transfer loop')) return
      cancel()
      resolve({ input: child.stdin, output: child.stdout, close })
    })
    child.on('error', (error) => {
      cancel()
      reject(error)
    })
    // The end of what it says is its end; output that nobody reads would hide that.
    child.stderr.on('close', () => {
      cancel()
      reject(new Error(reasonOf(said)))
    })
  })
}

/** What the program said went wrong: `… E connect(5, AF=2 127.0.0.1:9, 16): Connection refused`. */
export function reasonOf(said: string): string {
  const lines = said.split('\n').filter((l) => / [EF] /.test(l) || l.startsWith('nsenter:'))
  const last = (lines[0] ?? 'it did not connect in time').split(': ').at(-1)!
  return last.charAt(0).toLowerCase() + last.slice(1)
}
