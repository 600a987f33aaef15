import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { seededRandom, sleep, systemClock } from '../../base/index.ts'
import type { Store } from '../store.ts'
import { read, text } from '../testing/contract.ts'
import { openSqliteStore } from './open.ts'

/** Ten rounds in `npm test`; `DHOW_CRASH_ROUNDS=100` for a long run, `DHOW_CRASH_SEED` to repeat one. */
const ROUNDS = Number(process.env.DHOW_CRASH_ROUNDS ?? 10)
const SEED = Number(process.env.DHOW_CRASH_SEED ?? Math.trunc(systemClock().now()) % 1_000_000)
const CHILD = fileURLToPath(new URL('../testing/crash-child.ts', import.meta.url))

interface Acknowledged {
  readonly key: string
  readonly counter: number
  readonly revision: number
}

describe('a store whose process is killed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'dhow-crash-'))
  const path = join(directory, 'store.db')
  after(() => rmSync(directory, { recursive: true }))

  it(`loses no acknowledged write in ${ROUNDS} rounds of kill -9 (seed ${SEED})`, {
    timeout: 600_000,
  }, async () => {
    const random = seededRandom(SEED)
    let newest = 1
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await writeAndKill(path, round * 100_000, random.next() * 250)
      assert.ok(acknowledged.length > 0)
      const store = await openSqliteStore({ path, clock: systemClock(), history: false })
      try {
        await check(store, acknowledged)
        assert.ok(store.revision() >= newest, `revision ${store.revision()} after ${newest}`)
        newest = store.revision()
      } finally {
        await store.close()
      }
      checkIntegrity(path)
    }
  })

  it('keeps a second process out, and says so', async () => {
    const store = await openSqliteStore({ path, clock: systemClock() })
    const { status, stderr } = spawnSync(process.execPath, [CHILD, path], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.notEqual(status, 0)
    assert.match(stderr, /cannot open the store ".*store.db": another process has the store open/)
    assert.ok((await store.commit([{ key: 'still', value: new Uint8Array([1]) }])).ok)
    await store.close()
  })
})

/** Runs a writing process until `delayMs` after its first acknowledgement, then kills it. */
async function writeAndKill(path: string, first: number, delayMs: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [CHILD, path, `${first}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acknowledged: Acknowledged[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const [key = '', counter, revision] = line.split(' ')
    // The last line may be cut short; what was not printed whole was not acknowledged.
    if (revision) acknowledged.push({ key, counter: Number(counter), revision: Number(revision) })
  })
  const ended = once(lines, 'close')
  await Promise.race([once(lines, 'line'), ended])
  await sleep(systemClock(), delayMs)
  child.kill('SIGKILL')
  await ended
  const last = acknowledged.at(-1)
  if (last && last.revision < (acknowledged.at(-2)?.revision ?? 0)) acknowledged.pop()
  return acknowledged
}

async function check(store: Store, acknowledged: readonly Acknowledged[]): Promise<void> {
  const { compacted } = await store.stats()
  const newest = new Map(acknowledged.map((a) => [a.key, a]))
  for (const { key, counter, revision } of newest.values()) {
    const found = await read(store, key)
    assert.ok(found, `${key} is there`)
    assert.ok(Number.parseInt(found.value, 10) >= counter, `${key}: ${counter} was acknowledged`)
    assert.ok(found.modRevision >= revision && store.revision() >= revision)
    assert.deepEqual(await read(store, `${key}/copy`), found, 'both writes of a commit or none')
  }
  for (const { key, counter, revision } of acknowledged.slice(-50)) {
    if (revision < compacted) continue
    const [entry] = (await store.range({ start: key, revision })).entries
    assert.equal(Number.parseInt(text(entry?.value), 10), counter, `${key} as of ${revision}`)
  }
}

function checkIntegrity(path: string): void {
  const db = new DatabaseSync(path)
  assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
  const dangling = 'SELECT count(*) AS n FROM current LEFT JOIN log USING (seq) WHERE log.seq IS NULL'
  assert.deepEqual({ ...db.prepare(dangling).get() }, { n: 0 })
  db.close()
}
