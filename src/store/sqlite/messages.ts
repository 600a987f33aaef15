import type { EngineCommit, EngineState, EngineWrite, LogRequest, PageRequest } from '../engine.ts'

/** What the main thread asks of the worker. Answers come in the same order. */
export type Request =
  | { readonly op: 'write'; readonly commits: PackedCommits; readonly previous: boolean }
  | { readonly op: 'page'; readonly request: PageRequest }
  | { readonly op: 'log'; readonly request: LogRequest }
  | { readonly op: 'due'; readonly now: number; readonly limit: number }
  | { readonly op: 'compact'; readonly revision: number }
  | { readonly op: 'sizeBytes' }
  | { readonly op: 'close' }

export type Reply = { readonly result: unknown } | { readonly failure: Failure }

/** Why a request failed; `unavailable`: the disk's fault, not the request's. */
export interface Failure {
  readonly kind: 'unavailable' | 'bug'
  readonly message: string
}

/** The worker's first message. */
export type Opened = { readonly state: EngineState } | { readonly failure: Failure }

/** Commits whose values lie one after the other in one buffer, which changes threads without being copied. */
export interface PackedCommits {
  readonly commits: readonly (readonly PackedWrite[])[]
  readonly bytes: ArrayBuffer
}

/** Key, length of the value (-1: a deletion), compared revision, moment of expiry. */
type PackedWrite = readonly [string, number, number | undefined, number | undefined]

export function packCommits(commits: readonly EngineCommit[]): PackedCommits {
  let total = 0
  for (const writes of commits) for (const { value } of writes) total += value?.byteLength ?? 0
  const bytes = new Uint8Array(total)
  let offset = 0
  const packed = commits.map((writes) =>
    writes.map(({ key, value, expect, expiresAt }): PackedWrite => {
      if (value === null) return [key, -1, expect, expiresAt]
      bytes.set(value, offset)
      offset += value.byteLength
      return [key, value.byteLength, expect, expiresAt]
    }),
  )
  return { commits: packed, bytes: bytes.buffer }
}

export function unpackCommits({ commits, bytes }: PackedCommits): EngineCommit[] {
  let offset = 0
  return commits.map((writes) =>
    writes.map(([key, length, expect, expiresAt]): EngineWrite => {
      if (length === -1) return { key, value: null, expect, expiresAt }
      const value = new Uint8Array(bytes, offset, length)
      offset += length
      return { key, value, expect, expiresAt }
    }),
  )
}
