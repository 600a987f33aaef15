import { resolve as absolute } from 'node:path'
import { Worker } from 'node:worker_threads'
import type {
  Due,
  Engine,
  EngineCommit,
  EngineState,
  LogRequest,
  LogSlice,
  Page,
  PageRequest,
  WriteReply,
} from '../engine.ts'
import { EngineStore, type StoreOptions } from '../engine-store.ts'
import { type Store, StoreClosedError, StoreUnavailableError } from '../store.ts'
import { type Failure, type Opened, packCommits, type Reply, type Request } from './messages.ts'

export interface SqliteStoreOptions extends StoreOptions {
  /** The database file, for example `/var/lib/dhow/default/server/store.db`; made when it is not there. */
  readonly path: string
}

/**
 * A durable store in one SQLite file, which this process owns alone until `close`.
 * Rejects with `StoreUnavailableError` when the file is in use, damaged, of another version or out of reach.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { engine, state } = await SqliteEngine.open(absolute(options.path))
  return new EngineStore(engine, state, options)
}

interface Waiting {
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
}

/** A source tree runs the worker's source; a bundle has it beside itself as `store-worker.js`. */
const WORKER = import.meta.url.endsWith('.ts') ? './worker.ts' : './store-worker.js'

/** The main thread's end of the worker. Answers come in the order of the requests, so a queue matches them. */
class SqliteEngine implements Engine {
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  #ended: Error | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: Reply) => {
      const { resolve, reject } = this.#waiting.shift()!
      if ('failure' in reply) reject(errorOf(reply.failure))
      else resolve(reply.result as never)
      if (this.#waiting.length === 0) worker.unref()
    })
    worker.on('error', (error) => this.#end(gone(error)))
    worker.on('exit', () => this.#end(gone(undefined)))
    worker.unref()
  }

  static open(path: string): Promise<{ engine: SqliteEngine; state: EngineState }> {
    const worker = new Worker(new URL(WORKER, import.meta.url), {
      workerData: { path },
      name: 'store',
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
    })
    return new Promise((resolve, reject) => {
      const onExit = () => reject(gone(undefined))
      worker.once('error', reject)
      worker.once('exit', onExit)
      worker.once('message', (opened: Opened) => {
        worker.off('error', reject)
        worker.off('exit', onExit)
        if ('failure' in opened) reject(errorOf(opened.failure))
        else resolve({ engine: new SqliteEngine(worker), state: opened.state })
      })
    })
  }

  write(commits: readonly EngineCommit[], { previous }: { previous: boolean }): Promise<WriteReply> {
    const packed = packCommits(commits)
    return this.#ask({ op: 'write', commits: packed, previous }, [packed.bytes])
  }

  page(request: PageRequest): Promise<Page> {
    return this.#ask({ op: 'page', request })
  }

  log(request: LogRequest): Promise<LogSlice> {
    return this.#ask({ op: 'log', request })
  }

  due(now: number, limit: number): Promise<Due> {
    return this.#ask({ op: 'due', now, limit })
  }

  compact(revision: number): Promise<{ done: boolean }> {
    return this.#ask({ op: 'compact', revision })
  }

  sizeBytes(): Promise<number> {
    return this.#ask({ op: 'sizeBytes' })
  }

  async close(): Promise<void> {
    const exited = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    if (this.#ended) return
    const closed = this.#ask<void>({ op: 'close' })
    closed.finally(() => this.#worker.ref()).catch(() => {})
    await closed
    await exited
  }

  #ask<R>(request: Request, transfer: ArrayBuffer[] = []): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      this.#waiting.push({ resolve, reject })
      this.#worker.ref()
      this.#worker.postMessage(request, transfer)
    })
  }

  #end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended)
  }
}

function errorOf({ kind, message }: Failure): Error {
  return kind === 'unavailable' ? new StoreUnavailableError(message) : new Error(message)
}

function gone(cause: unknown): Error {
  if (cause === undefined) return new StoreClosedError()
  return new StoreUnavailableError("cannot go on: the store's thread ended; restart the process", { cause })
}
