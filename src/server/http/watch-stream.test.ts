import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { ConfigMap } from '../../api/index.ts'
import { nextTurn, silentLog, VirtualClock } from '../../base/index.ts'
import type { Kind } from '../../schema/index.ts'
import { openMemoryStore } from '../../store/index.ts'
import { WatchCursor } from '../registry/cursor.ts'
import { Feed } from '../registry/feed.ts'
import { Resources } from '../registry/resources.ts'
import { Selection } from '../registry/selection.ts'
import { jsonView } from './view-json.ts'
import { WatchStream } from './watch-stream.ts'

const kind = ConfigMap as unknown as Kind
const turn = () => nextTurn()

/** A client that takes nothing until told to. */
class SlowClient extends Writable {
  text = ''
  #resume: (() => void) | undefined
  #isSlow: boolean

  constructor(isSlow: boolean) {
    super({ highWaterMark: 1024 })
    this.#isSlow = isSlow
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    if (this.#isSlow) this.#resume = done
    else done()
  }

  takeAll(): void {
    this.#isSlow = false
    this.#resume?.()
  }

  get events(): {
    type: string
    object: { metadata: { name?: string; resourceVersion: string; annotations?: object }; code?: number }
  }[] {
    return this.text
      .split('\n')
      .filter((l) => l !== '')
      .map((l) => JSON.parse(l))
  }
}

async function setUp(maxEvents: number) {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  const feed = new Feed(store, silentLog)
  const resources = new Resources({
    store,
    feed,
    clock,
    log: silentLog,
    eventTtlMs: 1000,
    historyLimits: { maxEvents, maxAgeMs: 1e9, minEvents: 1 },
  })
  feed.start()
  const resource = resources.of(kind)
  await resource.cache.ready()
  let count = 0
  const put = async (bytes = 10) => {
    const name = `m${count++}`
    const value = Buffer.from(
      JSON.stringify({
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { name, namespace: 'n', uid: name },
        data: { x: 'x'.repeat(bytes) },
      }),
    )
    const { revision } = await store.commit([{ key: `${resource.prefix}n/${name}`, value }])
    await feed.reached(revision)
    await turn()
  }
  const watch = (out: Writable, times: Partial<ConstructorParameters<typeof WatchStream>[5]> = {}) => {
    const cursor = new WatchCursor(resource, Selection.of(resource, {}), {
      after: feed.revision,
      revision: feed.revision,
      applied: () => feed.revision,
    })
    const stream = new WatchStream('configmaps', cursor, jsonView(kind).watch(), out, clock, {
      timeoutMs: 600_000,
      bookmarks: false,
      sendInitialEvents: false,
      ...times,
    })
    stream.start()
    return stream
  }
  const close = async () => {
    await feed.close()
    await store.close()
  }
  return { clock, put, watch, close, feed }
}

test('a client that reads slowly is written to no faster, and gets everything in the end', async () => {
  const { put, watch, close } = await setUp(1000)
  const client = new SlowClient(true)
  const stream = watch(client)
  for (let i = 0; i < 30; i++) await put(100_000)
  assert.ok(client.writableLength < 1_500_000, `${client.writableLength} bytes wait for the client`)
  client.takeAll()
  for (let i = 0; i < 20; i++) await turn()
  assert.equal(client.events.length, 30)
  stream.end()
  await close()
})

test('a client that falls behind what is remembered is told to begin again', async () => {
  const { put, watch, close } = await setUp(5)
  const client = new SlowClient(true)
  watch(client)
  for (let i = 0; i < 30; i++) await put(200_000)
  client.takeAll()
  for (let i = 0; i < 20; i++) await turn()
  const last = client.events.at(-1)!
  assert.equal(last.type, 'ERROR')
  assert.equal(last.object.code, 410)
  assert.ok(client.writableEnded)
  await close()
})

test('bookmarks come about every minute and before the end, at the newest revision', async () => {
  const { clock, put, watch, close, feed } = await setUp(100)
  const client = new SlowClient(false)
  watch(client, { bookmarks: true, timeoutMs: 150_000 })
  await put()
  await clock.advance(70_000)
  assert.deepEqual(
    client.events.map((e) => e.type),
    ['ADDED', 'BOOKMARK'],
  )
  assert.equal(client.events[1]!.object.metadata.resourceVersion, String(feed.revision))
  await clock.advance(80_000)
  assert.deepEqual(
    client.events.map((e) => e.type),
    ['ADDED', 'BOOKMARK', 'BOOKMARK', 'BOOKMARK'].slice(0, client.events.length),
  )
  assert.equal(client.events.at(-1)!.type, 'BOOKMARK')
  assert.ok(client.writableEnded)
  await close()
})

test('all watchers of a change get the same bytes', async () => {
  const { put, watch, close } = await setUp(100)
  const chunks: unknown[] = []
  const sink = () =>
    new Writable({
      write(chunk, _encoding, done) {
        chunks.push(chunk)
        done()
      },
    })
  const streams = [watch(sink()), watch(sink()), watch(sink())]
  await put()
  await turn()
  assert.equal(chunks.length, 3)
  assert.ok(chunks.every((c) => c === chunks[0]))
  for (const s of streams) s.end()
  await close()
})
