import { randomBytes, randomUUID } from 'node:crypto'
import { flat } from './text.ts'

/** Randomness as an argument, so that a run can be repeated from its seed. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** A version 4 UUID. */
  uuid(): string
  /** `length` characters of Kubernetes' name suffix alphabet (no vowels, no look-alikes). */
  suffix(length: number): string
}

const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

const POOL_BYTES = 4096

export function systemRandom(): Random {
  // Drawn in bulk: asking the system for four bytes costs as much as asking for thousands.
  let pool = Buffer.alloc(0)
  let used = 0
  const next = () => {
    if (used >= pool.length) {
      pool = randomBytes(POOL_BYTES)
      used = 0
    }
    const value = pool.readUInt32BE(used) / 2 ** 32
    used += 4
    return value
  }
  return { next, uuid: () => flat(randomUUID()), suffix: (length) => suffix(length, next) }
}

/** A stream that depends only on `seed` and `name`: one stream per purpose keeps them independent. */
export function seededRandom(seed: number, name = ''): Random {
  let state = seed >>> 0
  for (const c of name) state = (Math.imul(state ^ c.codePointAt(0)!, 0x01000193) + 0x9e3779b9) >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('')
  return {
    next,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'[Math.floor(next() * 4)]}${hex(3)}-${hex(12)}`,
    suffix: (length) => suffix(length, next),
  }
}

function suffix(length: number, next: () => number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += SUFFIX_ALPHABET[Math.floor(next() * SUFFIX_ALPHABET.length)]
  return text
}
