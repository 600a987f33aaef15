import type { Kind } from '../../schema/index.ts'
import type { Item } from '../registry/item.ts'
import type { ListPage } from '../registry/list.ts'
import type { Representation } from './negotiate.ts'
import { jsonView } from './view-json.ts'
import { partialView } from './view-partial.ts'
import { protobufView } from './view-protobuf.ts'
import { tableView } from './view-table.ts'
import type { WatchFormat } from './watch-stream.ts'

export interface ViewOptions {
  /** Which object goes with a table's row: None, Metadata or Object. */
  readonly includeObject: string
  /** Ages in tables count up to it. */
  nowMs(): number
}

/** One way in which objects of a kind are written. */
export interface View {
  readonly contentType: string
  item(item: Item): Buffer
  /** In short steps: to know its length, a list may have to be written first. */
  list(page: ListPage): Generator<void, ListOutput>
  watch(): WatchFormat
}

export interface ListOutput {
  /** undefined: not known before it is written. */
  readonly bytes: number | undefined
  parts(): Iterable<Buffer>
}

export function viewOf(kind: Kind, representation: Representation, options: ViewOptions): View {
  const isBinary = representation.media === 'protobuf'
  if (representation.as === 'table') return tableView(kind, options)
  if (representation.as === 'partial') return partialView(kind, isBinary)
  return isBinary ? protobufView(kind) : jsonView(kind)
}

/** The metadata of a list. */
export function listMeta(page: ListPage): {
  resourceVersion: string
  continue?: string
  remainingItemCount?: number
} {
  return {
    resourceVersion: String(page.revision),
    ...(page.continue ? { continue: page.continue } : {}),
    ...(page.remaining ? { remainingItemCount: page.remaining } : {}),
  }
}

/** Pieces joined into slices that are worth a write each. */
export function* slices(pieces: Iterable<Uint8Array>): Generator<Buffer> {
  let pending: Uint8Array[] = []
  let size = 0
  for (const piece of pieces) {
    pending.push(piece)
    size += piece.length
    if (size >= SLICE_BYTES) {
      yield Buffer.concat(pending, size)
      pending = []
      size = 0
    }
  }
  if (size > 0) yield Buffer.concat(pending, size)
}

const SLICE_BYTES = 256 * 1024
