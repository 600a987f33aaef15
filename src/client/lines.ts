/** A line longer than this ends the stream with an error: an object is at most a few megabytes. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

const NEWLINE = 0x0a

/** The lines of a byte stream as UTF-8 text, without their ends; at most one unfinished line is held in memory. */
export async function* lines(
  chunks: AsyncIterable<Buffer>,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<string> {
  let held: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end)
      start = end + 1
      if (held.length === 0) {
        if (piece.length > 0) yield piece.toString('utf8')
      } else {
        held.push(piece)
        yield Buffer.concat(held).toString('utf8')
        held = []
        size = 0
      }
    }
    if (start < chunk.length) {
      const rest = start === 0 ? chunk : chunk.subarray(start)
      held.push(rest)
      size += rest.length
      if (size > maxBytes) throw new Error(`expected lines of at most ${maxBytes} bytes`)
    }
  }
  if (size > 0) yield Buffer.concat(held).toString('utf8')
}
