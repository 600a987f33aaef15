import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ConfigMap, isApiError } from '../../src/api/index.ts'
import { seededRandom, sleep, systemClock } from '../../src/base/index.ts'
import { type HttpsApi, UnreachableError } from '../../src/client/index.ts'
import { runCommand } from '../../src/cluster/index.ts'
import { cannotRun, until } from './harness.ts'
import { type ServerProcess, serverProcess } from './server-process.ts'
import { fill } from './survival-kit.ts'

/** Ten rounds in `npm test`, a hundred in `npm run soak`; DHOW_SURVIVAL_SEED repeats a run. */
const ROUNDS = Number(process.env.DHOW_SURVIVAL_ROUNDS ?? 10)
const SEED = Number(process.env.DHOW_SURVIVAL_SEED ?? Math.trunc(systemClock().now()) % 1_000_000)
const WRITERS = 6

const clock = systemClock()
const random = seededRandom(SEED, 'kills')
let server: ServerProcess

before(async () => {
  server = await serverProcess()
})

after(async () => {
  await server.remove()
})

interface Written {
  readonly revision: number
  readonly counter: number
}

/** What one writer knows: what was acknowledged last, and what may have been written since. */
interface Writer {
  readonly name: string
  acknowledged: Written
  attempted: number
  /** The newest that a read or a watch has shown: that, too, has to be on disk. */
  shown: Written
  /** Each acknowledgement, and what was found after each kill, for the watcher to show. */
  readonly history: Written[]
}

const revisionOf = (object: { metadata: { resourceVersion?: string } }) =>
  Number(object.metadata.resourceVersion)
const counterOf = (map: ConfigMap) => Number(map.data?.counter)
const writtenIn = (map: ConfigMap): Written => ({ revision: revisionOf(map), counter: counterOf(map) })
const NOTHING: Written = { revision: 0, counter: 0 }

test(`${ROUNDS} rounds of kill -9 of the server lose no acknowledged write (seed ${SEED})`, {
  timeout: 60_000 + ROUNDS * 20_000,
}, async () => {
  const writers = Array.from({ length: WRITERS }, (_, i): Writer => {
    return { name: `w${i}`, acknowledged: NOTHING, attempted: 0, shown: NOTHING, history: [] }
  })
  const watcher = new Watcher(writers)
  let newest = 0
  let acknowledgements = 0
  for (let round = 0; round < ROUNDS; round++) {
    try {
      server.start()
      // Sometimes it is killed before it serves.
      if (round > 0 && random.next() < 0.25) {
        await sleep(clock, random.next() * 800)
        await server.kill()
        server.start()
      }
      const api = await server.connect()
      newest = await check(api, writers, newest)
      watcher.follow(api, newest)
      const over = new AbortController()
      const writing = writers.map((writer) => write(api, writer, over.signal))
      const reading = read(api, writers, over.signal)
      await sleep(clock, 100 + random.next() * 500)
      await server.kill()
      over.abort()
      const counts = await Promise.all(writing)
      await reading
      acknowledgements += counts.reduce((sum, n) => sum + n, 0)
      await watcher.broke()
      api.close()
    } catch (cause) {
      throw new Error(`round ${round} of seed ${SEED}; the server's log:\n${server.log()}`, { cause })
    }
  }
  server.start()
  const api = await server.connect()
  await check(api, writers, newest)
  // A write may be there that nobody heard of: the watch has to show it too.
  const last = Math.max(...writers.flatMap((w) => [w.acknowledged, ...w.history].map((h) => h.revision)))
  watcher.follow(api, last)
  await watcher.caughtUp(last)
  watcher.verify()
  api.close()
  await watcher.broke()
  assert.ok(acknowledgements > ROUNDS * WRITERS, `${acknowledgements} writes were acknowledged`)
})

test('a full disk refuses writes and says so, reads go on, and with room again all goes on', {
  skip: cannotRun,
  timeout: 120_000,
}, async () => {
  const full = await serverProcess()
  const { storeDir } = full
  const filler = join(storeDir, 'filler')
  mkdirSync(storeDir, { recursive: true })
  assert.equal(
    (await runCommand(['mount', '-t', 'tmpfs', '-o', 'size=48m', 'dhow-test', storeDir])).exitCode,
    0,
  )
  try {
    full.start()
    const api = await full.connect()
    const acknowledged = new Map<string, number>()
    const write = async (name: string) => {
      const data = { padding: 'x'.repeat(100_000) }
      const object = await api.create(ConfigMap, { metadata: { namespace: 'default', name }, data })
      acknowledged.set(name, revisionOf(object))
    }
    await write('before')
    await fill(filler)
    const refusal = await until('a write to be refused', async () => {
      const name = `n${acknowledged.size}`
      return write(name).then(
        () => undefined,
        (error: Error) => ({ name, error }),
      )
    })
    assert.ok(isApiError(refusal.error, 'InternalError', 'ServiceUnavailable'), String(refusal.error))
    assert.match(refusal.error.message, /full|disk|space/i)
    const list = await api.list(ConfigMap, { namespace: 'default' })
    assert.ok(!list.items.some((map) => map.metadata.name === refusal.name), 'what was refused is not there')
    rmSync(filler)
    await until('writes to go on', () => write('after').then(() => true))
    await full.kill()
    api.close()
    full.start()
    const again = await full.connect()
    const found = new Map(
      (await again.list(ConfigMap, { namespace: 'default' })).items.map((m) => [
        m.metadata.name,
        revisionOf(m),
      ]),
    )
    for (const [name, revision] of acknowledged) assert.equal(found.get(name), revision, name)
    again.close()
  } catch (cause) {
    throw new Error(`the server's log:\n${full.log()}`, { cause })
  } finally {
    await full.kill()
    await runCommand(['umount', storeDir])
    await full.remove()
  }
})

/** Writes as fast as it goes until the server is gone; resolves to the number of acknowledged writes. */
async function write(api: HttpsApi, writer: Writer, signal: AbortSignal): Promise<number> {
  let count = 0
  while (!signal.aborted) {
    const counter = writer.attempted + 1
    const object = {
      metadata: { namespace: 'default', name: writer.name },
      data: { counter: String(counter), padding: 'x'.repeat((counter * 37) % 3000) },
    }
    writer.attempted = counter
    try {
      const isNew = writer.acknowledged.revision === 0
      const written = isNew ? await api.create(ConfigMap, object) : await api.update(ConfigMap, object)
      assert.equal(counterOf(written), counter)
      const before = writer.acknowledged.revision
      assert.ok(revisionOf(written) > before, `${writer.name}: ${revisionOf(written)} after ${before}`)
      writer.acknowledged = { revision: revisionOf(written), counter }
      writer.history.push(writer.acknowledged)
      count++
    } catch (error) {
      // It was written just before the kill, and nobody said so: what `check` found is the truth.
      if (isApiError(error, 'AlreadyExists')) writer.acknowledged = { revision: 1, counter: 0 }
      else if (error instanceof UnreachableError) return count
      else throw error
    }
  }
  return count
}

/** Reads until the server is gone. */
async function read(api: HttpsApi, writers: readonly Writer[], signal: AbortSignal): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    const writer = writers[i % writers.length]!
    try {
      show(writer, await api.get(ConfigMap, { namespace: 'default', name: writer.name }))
    } catch (error) {
      if (error instanceof UnreachableError) return
      if (!isApiError(error, 'NotFound')) throw error
    }
  }
}

function show(writer: Writer, map: ConfigMap): void {
  const now = writtenIn(map)
  if (now.revision > writer.shown.revision) writer.shown = now
}

/** All that was acknowledged is there, or what was sent after it; returns the revision, which never falls. */
async function check(api: HttpsApi, writers: readonly Writer[], newest: number): Promise<number> {
  const list = await api.list(ConfigMap, { namespace: 'default' })
  const revision = Number(list.metadata.resourceVersion)
  assert.ok(revision >= newest, `revision ${revision} after ${newest}`)
  const found = new Map(list.items.map((map) => [map.metadata.name, map]))
  for (const { name, acknowledged, attempted, shown, history } of writers) {
    const known = shown.revision > acknowledged.revision ? shown : acknowledged
    assert.ok(revision >= known.revision, `revision ${revision} after ${known.revision}`)
    const map = found.get(name)
    if (known === NOTHING && !map) continue
    assert.ok(map, `${name} is there`)
    const now = writtenIn(map)
    assert.ok(
      now.counter >= known.counter && now.counter <= attempted,
      `${name} is at ${now.counter}: ${known.counter} was acknowledged or shown, ${attempted} was tried`,
    )
    assert.ok(now.revision >= known.revision, `${name} is of ${now.revision}, was of ${known.revision}`)
    if (now.counter === known.counter && known.revision > 1) assert.equal(now.revision, known.revision)
    if (now.revision > (history.at(-1)?.revision ?? 0)) history.push(now)
  }
  return revision
}

/** Watches from one server to the next without ever listing again: each event once, in order, none missing. */
class Watcher {
  readonly #writers: ReadonlyMap<string, Writer>
  readonly #seen = new Map<string, number>()
  #revision: number | undefined
  #failure: unknown
  #following: Promise<void> = Promise.resolve()
  #stop = new AbortController()

  constructor(writers: readonly Writer[]) {
    this.#writers = new Map(writers.map((writer) => [writer.name, writer]))
  }

  follow(api: HttpsApi, from: number): void {
    this.#revision ??= from
    this.#stop = new AbortController()
    this.#following = this.#watch(api, this.#stop.signal).catch((error) => {
      if (!(error instanceof UnreachableError)) this.#failure ??= error
    })
  }

  async #watch(api: HttpsApi, signal: AbortSignal): Promise<void> {
    const resourceVersion = String(this.#revision)
    const options = { namespace: 'default', resourceVersion, allowWatchBookmarks: true, signal }
    for await (const event of api.watch(ConfigMap, options)) {
      const isBookmark = event.type === 'BOOKMARK'
      const revision = isBookmark ? Number(event.resourceVersion) : revisionOf(event.object)
      const inOrder = isBookmark ? revision >= this.#revision! : revision > this.#revision!
      assert.ok(inOrder, `${event.type} of ${revision} after ${this.#revision}`)
      this.#revision = revision
      if (isBookmark) continue
      const { name } = event.object.metadata
      this.#seen.set(`${name}@${revision}`, counterOf(event.object))
      const writer = this.#writers.get(name)
      if (writer) show(writer, event.object)
    }
  }

  /** The server was killed: the stream has ended. */
  async broke(): Promise<void> {
    this.#stop.abort()
    await this.#following
    if (this.#failure) throw this.#failure
  }

  async caughtUp(revision: number): Promise<void> {
    const deadline = clock.monotonic() + 60_000
    while (this.#revision! < revision) {
      if (this.#failure) throw this.#failure
      assert.ok(clock.monotonic() < deadline, `the watch shows ${this.#revision}, expected ${revision}`)
      await sleep(clock, 20)
    }
  }

  verify(): void {
    for (const { name, history } of this.#writers.values()) {
      for (const { revision, counter } of history)
        assert.equal(this.#seen.get(`${name}@${revision}`), counter, `${name} as of ${revision}`)
    }
  }
}
