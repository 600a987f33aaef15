import { type RangeQuery, StoreLimitError, type Write } from './store.ts'

/** What a store refuses, so that one hostile write cannot take memory or time without bound. */
export const limits = {
  /** UTF-16 units of a key. The longest API key (group, plural, namespace, name) stays below 700. */
  keyLength: 1024,
  valueBytes: 8 * 1024 * 1024,
  /** Writes in one commit; etcd's default too. */
  writesPerCommit: 128,
  commitBytes: 16 * 1024 * 1024,
  /** Bytes of commits that wait for the disk. Beyond it, commits are refused until some have been written. */
  queuedBytes: 128 * 1024 * 1024,
} as const

/** Refuses a commit that is malformed or too large; returns how many bytes it carries. */
export function checkCommit(writes: readonly Write[]): number {
  if (writes.length > limits.writesPerCommit) {
    throw new StoreLimitError(
      `cannot commit ${writes.length} writes at once: expected at most ${limits.writesPerCommit}`,
    )
  }
  let bytes = 0
  for (const write of writes) {
    checkWrite(write)
    bytes += write.key.length + (write.value?.byteLength ?? 0)
  }
  if (bytes > limits.commitBytes) {
    throw new StoreLimitError(`cannot commit ${bytes} bytes at once: expected at most ${limits.commitBytes}`)
  }
  if (writes.length > 1 && new Set(writes.map((w) => w.key)).size !== writes.length) {
    throw new StoreLimitError('cannot commit: expected at most one write a key, got a key twice')
  }
  return bytes
}

function checkWrite({ key, value, expect, ttlMs }: Write): void {
  checkKey(key)
  if (value !== null && value.byteLength > limits.valueBytes) {
    throw new StoreLimitError(
      `cannot write key ${show(key)}: expected a value of at most ${limits.valueBytes} bytes, got ${value.byteLength}`,
    )
  }
  if (expect !== undefined && !(Number.isSafeInteger(expect) && expect >= 0)) {
    throw new StoreLimitError(
      `cannot write key ${show(key)}: expected a revision of 0 or more to compare with, got ${expect}`,
    )
  }
  if (ttlMs !== undefined && (value === null || !(Number.isSafeInteger(ttlMs) && ttlMs > 0))) {
    const got = value === null ? 'a time to live on a deletion' : `${ttlMs}`
    throw new StoreLimitError(
      `cannot write key ${show(key)}: expected a time to live in whole milliseconds above 0, got ${got}`,
    )
  }
}

function checkKey(key: string): void {
  const fault =
    key === ''
      ? 'an empty key'
      : key.length > limits.keyLength
        ? `${key.length} characters`
        : key.includes('\0')
          ? 'a NUL character'
          : !key.isWellFormed()
            ? 'half a surrogate pair'
            : undefined
  if (fault) {
    throw new StoreLimitError(
      `cannot write key ${show(key)}: expected 1 to ${limits.keyLength} characters of well-formed text, got ${fault}`,
    )
  }
}

/** Refuses a range or watch whose bounds no key order is defined for. */
export function checkRange({ start, end }: Pick<RangeQuery, 'start' | 'end'>): void {
  for (const bound of [start, end ?? '']) {
    if (bound.length > limits.keyLength + 1 || !bound.isWellFormed()) {
      throw new StoreLimitError(
        `cannot read from ${show(bound)}: expected well-formed text of at most ${limits.keyLength} characters`,
      )
    }
  }
}

const show = (key: string) => JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key)
