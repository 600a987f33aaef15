/** The store on disk: durable writes, a large range, opening, and how soon many watchers see a write. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/base/index.ts'
import { openSqliteStore, type Store } from '../src/store/index.ts'
import { measure, quantile, type Result, report, spreadOf, timed } from './lib.ts'

const ROUNDS = 5
const OBJECTS = 10_000
const VALUE = new Uint8Array(1700).fill(65)
const key = (i: number) => `/registry/core/pods/default/web-${String(i).padStart(6, '0')}`

const directory = mkdtempSync(join(tmpdir(), 'dhow-bench-store-'))
const open = () => openSqliteStore({ path: join(directory, 'store.db'), clock: systemClock() })

/** Writes each second with so many writers, over and over the same objects. */
async function writesPerSecond(store: Store, writers: number, writes: number): Promise<number> {
  let next = 0
  const ms = await timed(() =>
    Promise.all(
      Array.from({ length: writers }, async () => {
        while (next < writes) await store.commit([{ key: key(next++ % OBJECTS), value: VALUE }])
      }),
    ),
  )
  return (writes / ms) * 1000
}

/** Milliseconds from the start of each write until the last of the watchers has it, and until it is acknowledged. */
async function fanOut(
  store: Store,
  watchers: number,
  writes: number,
): Promise<{ all: number[]; acknowledged: number[] }> {
  const abort = new AbortController()
  let left = 0
  let done = () => {}
  for (let i = 0; i < watchers; i++) {
    void (async () => {
      for await (const batch of store.watch({
        start: '/registry/',
        end: '/registry0',
        signal: abort.signal,
      })) {
        if (batch.changes.length > 0 && --left === 0) done()
      }
    })()
  }
  const all: number[] = []
  const acknowledged: number[] = []
  for (let i = 0; i < writes; i++) {
    left = watchers
    const delivered = new Promise<void>((resolve) => (done = resolve))
    const start = performance.now()
    await store.commit([{ key: key(i), value: VALUE }])
    acknowledged.push(performance.now() - start)
    await delivered
    all.push(performance.now() - start)
  }
  abort.abort()
  return { all, acknowledged }
}

const results: Result[] = []
let store = await open()
await writesPerSecond(store, 64, OBJECTS)
for (const [writers, writes, target] of [
  [1, 1000, undefined],
  [16, 10_000, undefined],
  [64, 10_000, 4000],
  [256, 10_000, undefined],
] as const) {
  const spread = await measure(ROUNDS, () => writesPerSecond(store, writers, writes))
  const name = `durable writes of 1.7 KB, ${writers} at once`
  results.push({ name, unit: 'writes/s', spread, ...(target ? { target: { is: '>=', value: target } } : {}) })
}

const range = await measure(ROUNDS, () =>
  timed(() => store.range({ start: '/registry/', end: '/registry0' })),
)
results.push({ name: `range of ${OBJECTS} entries`, unit: 'ms', spread: range })

for (const watchers of [1, 1000]) {
  await fanOut(store, watchers, 50)
  const { all, acknowledged } = await fanOut(store, watchers, 300)
  const name = `write to ${watchers} watcher${watchers > 1 ? 's' : ''}`
  if (watchers === 1)
    results.push({ name: 'one durable write, p50', unit: 'ms', spread: spreadOf(acknowledged) })
  results.push({ name: `${name}, p50`, unit: 'ms', spread: spreadOf(all) })
  const p99 = quantile(all, 0.99)
  const spread = { median: p99, min: p99, max: p99, rounds: 1 }
  results.push({ name: `${name}, p99`, unit: 'ms', spread, target: { is: '<=', value: 50 } })
}

await store.close()
const opening = await measure(ROUNDS, async () => {
  const ms = await timed(async () => {
    store = await open()
  })
  await store.close()
  return ms
})
results.push({
  name: `open a store of ${OBJECTS} entries`,
  unit: 'ms',
  spread: opening,
  target: { is: '<=', value: 80 },
})

report('store (sqlite)', results)
rmSync(directory, { recursive: true })
