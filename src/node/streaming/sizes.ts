import type { Readable } from 'node:stream'
import type { Clock } from '../../base/index.ts'
import type { TerminalSize } from '../runtime/runtime.ts'

const MAX_TEXT = 1024

/** The sizes of a client's terminal: `{"Width":80,"Height":24}`, as often as it changes, in pieces of any length. */
export class TerminalSizes {
  #text = ''
  #latest: TerminalSize | undefined
  #listener: (size: TerminalSize) => void = () => {}

  constructor(source: Readable) {
    source.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  /** The first that comes; undefined when none has within `waitMs`. */
  first(clock: Clock, waitMs: number): Promise<TerminalSize | undefined> {
    if (this.#latest) return Promise.resolve(this.#latest)
    return new Promise((resolve) => {
      const cancel = clock.after(waitMs, () => resolve(undefined))
      this.#listener = (size) => {
        cancel()
        resolve(size)
      }
    })
  }

  /** Tells the latest and all that come. */
  follow(listener: (size: TerminalSize) => void): void {
    this.#listener = listener
    if (this.#latest) listener(this.#latest)
  }

  #read(chunk: Buffer): void {
    this.#text += chunk.toString('latin1')
    for (let end = this.#text.indexOf('}'); end >= 0; end = this.#text.indexOf('}')) {
      const size = parseSize(this.#text.slice(0, end + 1))
      this.#text = this.#text.slice(end + 1)
      if (!size) continue
      this.#latest = size
      this.#listener(size)
    }
    if (this.#text.length > MAX_TEXT) this.#text = ''
  }
}

/** undefined: not a size, or a terminal without one. */
export function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown }
    return valid(Width) && valid(Height) ? { columns: Width, rows: Height } : undefined
  } catch {
    return undefined
  }
}

function valid(n: unknown): n is number {
  return Number.isInteger(n) && (n as number) > 0 && (n as number) < 65536
}
