/** A line of a container's log as the runtime writes it: `2026-11-21T21:15:00.123456789Z stdout F text`. */
export interface LogLine {
  /** As written, with nanoseconds. */
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** A longer line is written in parts; all but the last are partial. */
  readonly partial: boolean
  readonly text: Buffer
}

const SPACE = 0x20

/** undefined: not a line of this format. */
function parseLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE)
  const second = line.indexOf(SPACE, first + 1)
  const third = line.indexOf(SPACE, second + 1)
  if (first < 0 || second < 0) return undefined
  const stream = line.toString('latin1', first + 1, second)
  if (stream !== 'stdout' && stream !== 'stderr') return undefined
  const tag = line.toString('latin1', second + 1, third < 0 ? line.length : third)
  return {
    time: line.toString('latin1', 0, first),
    stream,
    partial: tag.split(':')[0] === 'P',
    text: third < 0 ? line.subarray(line.length) : line.subarray(third + 1),
  }
}

export interface LogQuery {
  readonly follow: boolean
  readonly timestamps: boolean
  /** Milliseconds since 1970. */
  readonly sinceMs?: number
  readonly tailLines?: number
  readonly limitBytes?: number
  readonly stream?: 'stdout' | 'stderr'
}

/** What a reader sees of the lines: filtered, put together, cut at the limit. One object a request. */
export class LogView {
  readonly #query: LogQuery
  #left: number
  #lineStart = true

  constructor(query: LogQuery) {
    this.#query = query
    this.#left = query.limitBytes ?? Number.POSITIVE_INFINITY
  }

  /** Nothing more will be shown. */
  get full(): boolean {
    return this.#left <= 0
  }

  show(raw: Buffer): Buffer | undefined {
    const line = parseLine(raw)
    if (!line) return undefined
    const { stream, sinceMs, timestamps } = this.#query
    if (stream && line.stream !== stream) return undefined
    if (sinceMs !== undefined && Date.parse(line.time) < sinceMs) return undefined
    const parts = [line.text]
    if (timestamps && this.#lineStart) parts.unshift(Buffer.from(`${line.time} `))
    if (!line.partial) parts.push(NEWLINE)
    this.#lineStart = !line.partial
    const out = Buffer.concat(parts)
    const shown = out.length > this.#left ? out.subarray(0, this.#left) : out
    this.#left -= shown.length
    return shown
  }
}

const NEWLINE = Buffer.from('\n')
