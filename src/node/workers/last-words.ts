import { type FileHandle, open } from 'node:fs/promises'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { MESSAGE_FILE, MESSAGE_POLICY } from '../spec/labels.ts'

/** Bytes of a container's message, and of those of all containers of a pod. */
const MAX_MESSAGE = 4096
export const MAX_POD_MESSAGES = 12_288
const MAX_LOG_MESSAGE = 2048
const MAX_LOG_LINES = 80

/** The termination message of a container that ended: its message file, or the end of its log where it wants that. */
export async function lastWords(c: ObservedContainer, logPath: string): Promise<string> {
  const path = c.annotations[MESSAGE_FILE]
  // The container may have written any amount: no more is read than is shown.
  const text = path ? await reading(path, (file) => bytesOf(file, 0, MAX_MESSAGE)) : ''
  if (text !== '') return text
  if (c.annotations[MESSAGE_POLICY] !== 'FallbackToLogsOnError' || c.exitCode === 0) return ''
  return reading(logPath, endOfLog)
}

async function reading(path: string, read: (file: FileHandle) => Promise<string>): Promise<string> {
  const file = await open(path).catch(() => undefined)
  try {
    return file ? await read(file) : ''
  } finally {
    await file?.close()
  }
}

async function bytesOf(file: FileHandle, start: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start)
  return whole(buffer.subarray(0, bytesRead))
}

/** The last lines without what the runtime puts before each. */
async function endOfLog(file: FileHandle): Promise<string> {
  const { size } = await file.stat()
  const length = Math.min(size, MAX_LOG_MESSAGE * 4)
  const lines = (await bytesOf(file, size - length, length)).split('\n').slice(-MAX_LOG_LINES - 1)
  return lines
    .map((line) => line.split(' ').slice(3).join(' '))
    .join('\n')
    .slice(-MAX_LOG_MESSAGE)
}

/** As text, without the half of a character at which it may have been cut. */
const whole = (bytes: Buffer): string => bytes.toString('utf8').replace(/\ufffd+$/, '')

/** The share of a message that a container of a pod with so many may show. */
export const shownOf = (message: string, containers: number): string =>
  whole(Buffer.from(message).subarray(0, Math.floor(MAX_POD_MESSAGES / Math.max(1, containers))))
