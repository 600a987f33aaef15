import { watch } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Clock } from '../../base/index.ts'
import { type LogQuery, LogView } from './line.ts'

const BLOCK = 64 * 1024
/** Without news from the file system, a followed log is looked at again after this long. */
const LOOK_MS = 500
const MAX_LINE = 256 * 1024

/**
 * A container's log as bytes. With `follow`, it goes on while the container does: `running` is asked when the end of the
 * file is reached. Throws a system error (ENOENT) where there is no log.
 */
export async function* readLog(
  path: string,
  query: LogQuery,
  deps: { readonly clock: Clock; readonly running: () => boolean; readonly signal: AbortSignal },
): AsyncGenerator<Buffer> {
  const view = new LogView(query)
  let file = await open(path)
  try {
    if (query.tailLines === undefined && query.limitBytes === undefined && !query.follow)
      yield* rotated(path, view)
    const lines = new Lines()
    let at = query.tailLines === undefined ? 0 : await offsetOfTail(file, query.tailLines)
    const block = Buffer.alloc(BLOCK)
    for (;;) {
      // Asked before reading: what was written before the end is still shown.
      const running = query.follow && deps.running()
      const { bytesRead } = await file.read(block, 0, BLOCK, at)
      if (deps.signal.aborted || view.full) return
      if (bytesRead > 0) {
        at += bytesRead
        const out: Buffer[] = []
        for (const line of lines.push(block.subarray(0, bytesRead))) {
          const shown = view.show(line)
          if (shown && shown.length > 0) out.push(shown)
        }
        if (out.length > 0) yield Buffer.concat(out)
        continue
      }
      const next = await successor(path, file, at)
      if (next) {
        await file.close()
        file = next
        at = 0
        continue
      }
      if (!running) return
      await news(path, deps)
    }
  } finally {
    await file.close()
  }
}

/** What rotation has put aside, oldest first, so that a whole log is read from its beginning. */
async function* rotated(path: string, view: LogView): AsyncGenerator<Buffer> {
  const name = basename(path)
  const old = (await readdir(dirname(path)))
    .filter((n) => n.startsWith(`${name}.`) && !n.endsWith('.tmp'))
    .sort()
  for (const n of old) {
    const data = await readWhole(join(dirname(path), n))
    const lines = new Lines()
    for (const line of lines.push(data)) {
      const shown = view.show(line)
      if (shown && shown.length > 0) yield shown
      if (view.full) return
    }
  }
}

async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const data = await file.readFile()
    return path.endsWith('.gz') ? gunzipSync(data) : data
  } finally {
    await file.close()
  }
}

/** The file that has taken the place of the one being read, if there is one. */
async function successor(path: string, file: FileHandle, at: number): Promise<FileHandle | undefined> {
  const [mine, now] = await Promise.all([file.stat(), stat(path).catch(() => undefined)])
  if (!now || now.ino === mine.ino || at < mine.size) return undefined
  return open(path).catch(() => undefined)
}

function news(path: string, deps: { readonly clock: Clock; readonly signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => {
    let watcher: ReturnType<typeof watch> | undefined
    const done = () => {
      cancel()
      watcher?.close()
      deps.signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = deps.clock.after(LOOK_MS, done)
    deps.signal.addEventListener('abort', done, { once: true })
    try {
      watcher = watch(path, done)
      watcher.on('error', () => {})
    } catch {
      // The pause alone will do.
    }
  })
}

/** Where the last `count` lines of a file begin. */
async function offsetOfTail(file: FileHandle, count: number): Promise<number> {
  const { size } = await file.stat()
  if (count === 0) return size
  const block = Buffer.alloc(BLOCK)
  let missing = count + 1
  let end = size
  while (end > 0) {
    const start = Math.max(0, end - BLOCK)
    const { bytesRead } = await file.read(block, 0, end - start, start)
    // The newline that ends the file ends the last line.
    for (let i = bytesRead - 1; i >= 0; i--) {
      if (block[i] !== 0x0a) {
        if (end === size && i === bytesRead - 1) missing--
        continue
      }
      missing--
      if (missing === 0) return start + i + 1
    }
    end = start
  }
  return 0
}

/** Cuts bytes into lines; what has no end yet waits for it. */
class Lines {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Buffer[] {
    const out: Buffer[] = []
    let data = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk])
    for (let end = data.indexOf(0x0a); end >= 0; end = data.indexOf(0x0a)) {
      out.push(data.subarray(0, end))
      data = data.subarray(end + 1)
    }
    this.#rest = data.length > MAX_LINE ? Buffer.alloc(0) : data
    return out
  }
}
