import type { Writable } from 'node:stream'
import { ApiError } from '../../api/index.ts'
import type { Clock } from '../../base/index.ts'
import type { Signal, WatchCursor } from '../registry/cursor.ts'

/** How the events of one watch are written. */
export interface WatchFormat {
  readonly contentType: string
  /** Frames of the same key are the same bytes to every watcher. */
  readonly key: string
  /** `isFirst`: nothing was told to this watcher before. */
  event(signal: Signal, isFirst: boolean): Uint8Array
  /** The first event of a watch has something that later ones have not. */
  readonly firstDiffers?: boolean
  bookmark(revision: number, initialEventsEnd: boolean): Uint8Array
  error(error: ApiError): Uint8Array
}

export interface WatchTimes {
  readonly timeoutMs: number
  readonly bookmarks: boolean
  readonly sendInitialEvents: boolean
}

const BOOKMARK_MS = 60_000
const READ_MAX = 200
/** A watcher that has not taken this much gets no more until it has. */
const HIGH_WATER = 1024 * 1024

/**
 * Writes what the cursor reads to `out` until time, client or server end it. It writes only as fast as the client
 * reads; a client that falls behind what is remembered gets a 410 event and has to list again.
 */
export class WatchStream {
  readonly #cursor: WatchCursor
  readonly #format: WatchFormat
  readonly #out: Writable
  readonly #clock: Clock
  readonly #times: WatchTimes
  #cancelTimers: (() => void)[] = []
  #initial: boolean
  #ended = false
  /** Which resource it watches, for the metrics. */
  readonly resource: string
  #draining = false
  #first = true

  constructor(
    resource: string,
    cursor: WatchCursor,
    format: WatchFormat,
    out: Writable,
    clock: Clock,
    times: WatchTimes,
  ) {
    this.resource = resource
    this.#cursor = cursor
    this.#format = format
    this.#out = out
    this.#clock = clock
    this.#times = times
    this.#initial = times.sendInitialEvents
  }

  start(): void {
    this.#out.once('close', () => this.end())
    this.#cancelTimers.push(this.#clock.after(this.#times.timeoutMs, () => this.#timeout()))
    if (this.#times.bookmarks) this.#armBookmark()
    this.#pump()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#cursor.close()
    for (const cancel of this.#cancelTimers) cancel()
    this.#cancelTimers = []
    if (!this.#out.destroyed) this.#out.end()
  }

  #timeout(): void {
    if (this.#times.bookmarks && !this.#initial && !this.#ended)
      this.#out.write(this.#format.bookmark(this.#cursor.bookmark(), false))
    this.end()
  }

  #armBookmark(): void {
    // Spread by a part that differs between watchers, so that a thousand do not all wake at once.
    const cancel = this.#clock.after(BOOKMARK_MS + (this.#cursor.revision % 64) * 100, () => {
      this.#cancelTimers = this.#cancelTimers.filter((c) => c !== cancel)
      if (this.#ended) return
      if (!this.#draining && this.#cursor.caughtUp)
        this.#out.write(this.#format.bookmark(this.#cursor.bookmark(), false))
      this.#armBookmark()
    })
    this.#cancelTimers.push(cancel)
  }

  #pump(): void {
    if (this.#ended) return
    try {
      this.#writeAll(this.#cursor.read(READ_MAX))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.#out.write(this.#format.error(error))
      this.end()
      return
    }
    if (this.#initial && this.#cursor.initialDone) {
      this.#initial = false
      this.#out.write(this.#format.bookmark(this.#cursor.revision, true))
    }
    if (this.#out.writableLength > HIGH_WATER) this.#waitForDrain()
    else if (this.#cursor.caughtUp) this.#cursor.wait(() => this.#pump())
    else setImmediate(() => this.#pump())
  }

  #waitForDrain(): void {
    this.#draining = true
    this.#out.once('drain', () => {
      this.#draining = false
      this.#pump()
    })
  }

  #writeAll(signals: readonly Signal[]): void {
    if (signals.length === 0) return
    if (signals.length === 1) this.#out.write(this.#frame(signals[0]!))
    else this.#out.write(Buffer.concat(signals.map((s) => this.#frame(s))))
  }

  #frame(signal: Signal): Uint8Array {
    const { event } = signal
    const isFirst = this.#first && this.#format.firstDiffers === true
    this.#first = false
    if (!event || isFirst) return this.#format.event(signal, isFirst)
    event.frames ??= new Map()
    const key = `${this.#format.key} ${signal.type}`
    let frame = event.frames.get(key)
    if (!frame) {
      frame = this.#format.event(signal, false)
      event.frames.set(key, frame)
    }
    return frame
  }
}
