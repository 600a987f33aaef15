import { FormatError } from './database.ts'
import type { Failure } from './messages.ts'

/** SQLite's primary result codes that are the machine's fault, in words a person can act on. */
const FAULTS: Readonly<Record<number, string>> = {
  3: 'permission denied',
  5: 'another process has the store open; stop it first, or use another data directory',
  6: 'another process has the store open; stop it first, or use another data directory',
  7: 'out of memory',
  8: 'the file or its file system is read-only',
  10: 'the disk failed to read or write',
  11: 'the file is damaged; stop dhow, move it aside (with its -wal file) and restore a copy, or start empty',
  13: 'the disk is full; free some space, writing goes on by itself',
  14: 'the file cannot be opened',
  26: 'the file is not an SQLite database; move it aside and restore a copy, or start empty',
}

/** After these, the open database is in doubt: only reading the files again tells what is on disk. */
const IN_DOUBT = new Set([7, 10, 11, 26])

export function failureOf(error: unknown, doing: string): Failure {
  const { message, code } = error as Error & { code?: string }
  const fault = FAULTS[primaryCode(error)]
  const detail = fault ? `${fault} (${message})` : message
  const kind = fault || error instanceof FormatError || isSystemError(code) ? 'unavailable' : 'bug'
  return { kind, message: `cannot ${doing}: ${detail}` }
}

export function leavesDoubt(error: unknown): boolean {
  return IN_DOUBT.has(primaryCode(error))
}

/** Extended codes carry the primary one in their lowest byte. */
function primaryCode(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff
}

const isSystemError = (code: string | undefined) => code !== undefined && /^E[A-Z0-9]+$/.test(code)
