import { open, readdir, readFile, readlink } from 'node:fs/promises'
import { errorText, processLog } from '../base/index.ts'

/**
 * A part that cannot go on says why in one line of its log, and ends; `up` and `status` show that line. Whatever is
 * thrown and caught by nobody counts as such.
 */
export function sayWhyItEnds(component: string): { readonly fatal: (error: unknown) => Promise<never> } {
  const log = processLog(component)
  const fatal = async (error: unknown): Promise<never> => {
    const text = await withPortHolder(error).catch(() => errorText(error))
    log.error({ fatal: true, stack: (error as Error | undefined)?.stack }, text)
    process.exit(1)
  }
  process.on('uncaughtException', fatal)
  process.on('unhandledRejection', fatal)
  return { fatal }
}

const TAIL_BYTES = 64 * 1024

/** Why a part ended, from the end of its log: its last words, else its last lines; '' when it left nothing. */
export async function lastWords(logFile: string): Promise<string> {
  const text = await tail(logFile).catch(() => '')
  return lastWordsIn(text)
}

export function lastWordsIn(log: string): string {
  const lines = log.trim().split('\n')
  for (const line of lines.toReversed()) {
    if (!line.includes('"fatal":true')) continue
    try {
      return (JSON.parse(line) as { msg: string }).msg
    } catch {
      // A line cut in half: older ones are no news.
      break
    }
  }
  return lines
    .slice(-12)
    .map((line) => line.slice(0, 300))
    .join('\n')
}

async function tail(file: string): Promise<string> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const from = Math.max(0, size - TAIL_BYTES)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from)
    return buffer.subarray(0, bytesRead).toString()
  } finally {
    await handle.close()
  }
}

interface SystemError extends Error {
  readonly code?: string
  readonly address?: string
  readonly port?: number
}

async function withPortHolder(error: unknown): Promise<string> {
  const { code, address, port } = (error ?? {}) as SystemError
  if (code !== 'EADDRINUSE' || port === undefined) return errorText(error)
  const holder = await portHolder(port)
  return `cannot listen on ${address ?? ''}:${port}: ${holder ? `process ${holder.pid} (${holder.name})` : 'another program'} uses the port; stop it`
}

/** The process that listens on a TCP port of this network namespace, as far as it may be seen. */
export async function portHolder(port: number): Promise<{ pid: number; name: string } | undefined> {
  const sockets = new Set<string>()
  for (const file of ['/proc/self/net/tcp', '/proc/self/net/tcp6']) {
    for (const line of (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
      if (state === '0A' && Number.parseInt(local.split(':')[1] ?? '', 16) === port)
        sockets.add(`socket:[${inode}]`)
    }
  }
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    for (const fd of await readdir(`/proc/${name}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${name}/fd/${fd}`).catch(() => '')
      if (!sockets.has(target)) continue
      const comm = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '?')
      return { pid: Number(name), name: comm.trim() }
    }
  }
  return undefined
}
