import { open, readFile } from 'node:fs/promises'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { MESSAGE_FILE, MESSAGE_POLICY } from '../spec/labels.ts'

const MAX_MESSAGE = 4096
const MAX_LOG_MESSAGE = 2048
const MAX_LOG_LINES = 80

/** The termination message of a container that ended: its message file, or the end of its log where it wants that. */
export async function lastWords(c: ObservedContainer, logPath: string): Promise<string> {
  const file = c.annotations[MESSAGE_FILE]
  const text = file ? await readFile(file, 'utf8').catch(() => '') : ''
  if (text !== '') return text.slice(0, MAX_MESSAGE)
  if (c.annotations[MESSAGE_POLICY] !== 'FallbackToLogsOnError' || c.exitCode === 0) return ''
  return endOfLog(logPath)
}

/** The last lines without what the runtime puts before each. */
async function endOfLog(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const length = Math.min(size, MAX_LOG_MESSAGE * 4)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    const lines = buffer
      .toString('utf8')
      .split('\n')
      .slice(-MAX_LOG_LINES - 1)
    return lines
      .map((line) => line.split(' ').slice(3).join(' '))
      .join('\n')
      .slice(-MAX_LOG_MESSAGE)
  } finally {
    await file.close()
  }
}
