import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { systemClock } from '../../base/index.ts'
import { StoreUnavailableError } from '../store.ts'
import { bytes, read } from '../testing/contract.ts'
import { openSqliteStore } from './open.ts'

const clock = systemClock()

describe("the sqlite engine's file", () => {
  let directory: string
  let path: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'dhow-files-'))
    path = join(directory, 'server', 'store.db')
  })
  afterEach(() => rmSync(directory, { recursive: true }))
  const openStore = () => openSqliteStore({ path, clock, history: false })
  const refused = (pattern: RegExp) =>
    assert.rejects(openStore(), (error: Error) => {
      assert.ok(error instanceof StoreUnavailableError, `${error}`)
      assert.match(error.message, pattern)
      return true
    })

  it('is for its owner alone, in a folder that is made when missing', async () => {
    const store = await openStore()
    await store.commit([{ key: 'secret', value: bytes('s') }])
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(`${path}-wal`).mode & 0o777, 0o600)
    assert.equal(statSync(join(directory, 'server')).mode & 0o777, 0o700)
    await store.close()
  })

  it('cannot be opened twice', async () => {
    const store = await openStore()
    await refused(/another process has the store open; stop it first/)
    await store.close()
    await (await openStore()).close()
  })

  it("is refused when it is no database, another program's or another version's", async () => {
    await (await openStore()).close()
    writeFileSync(path, 'this is a text file, and a long one at that. '.repeat(200))
    await refused(/not an SQLite database; move it aside/)
    rmSync(path)
    const other = new DatabaseSync(path)
    other.exec('CREATE TABLE theirs (x)')
    other.close()
    await refused(/database of another program/)
    rmSync(path)
    await (await openStore()).close()
    const newer = new DatabaseSync(path)
    newer.exec('PRAGMA user_version = 99')
    newer.close()
    await refused(/expected store format 1, got 99/)
  })

  it('says what to do when it is damaged', async () => {
    const store = await openStore()
    for (let i = 0; i < 200; i++) await store.commit([{ key: `k${i}`, value: new Uint8Array(3000).fill(i) }])
    await store.close()
    const file = await open(path, 'r+')
    const { size } = await file.stat()
    const noise = new Uint8Array(4096).fill(0xa5)
    for (let at = 8 * 4096; at < size; at += 4096) await file.write(noise, 0, noise.length, at)
    await file.close()
    const damaged = openStore().then(async (opened) => {
      try {
        await opened.range({ start: 'k', end: 'l' })
      } finally {
        await opened.close()
      }
    })
    await assert.rejects(damaged, (error: Error) => {
      assert.ok(error instanceof StoreUnavailableError, `${error}`)
      assert.match(error.message, /the file is damaged; stop dhow, move it aside/)
      return true
    })
  })

  it('that was emptied while in use serves nothing, and goes on where it was once it is back', async () => {
    let store = await openStore()
    for (let i = 0; i < 2000; i++) void store.commit([{ key: `k${i}`, value: new Uint8Array(3000).fill(i) }])
    await store.close()
    const copy = readFileSync(path)
    store = await openStore()
    truncateSync(path, 0)
    for (let i = 0; i < 3; i++) {
      await assert.rejects(store.range({ start: 'k', end: 'l' }), StoreUnavailableError)
      await assert.rejects(store.commit([{ key: 'x', value: bytes('x') }]), StoreUnavailableError)
    }
    rmSync(`${path}-wal`, { force: true })
    writeFileSync(path, copy)
    assert.equal((await store.range({ start: 'k', end: 'l' })).entries.length, 2000)
    assert.deepEqual(await store.commit([{ key: 'x', value: bytes('x') }]), { ok: true, revision: 2002 })
    await store.close()
  })

  it('shrinks when history is forgotten, and keeps nothing of it', async () => {
    const store = await openStore()
    const value = new Uint8Array(100_000).fill(1)
    for (let i = 0; i < 300; i++) await store.commit([{ key: `k${i % 10}`, value }])
    for (let i = 0; i < 5; i++) await store.commit([{ key: `k${i}`, value: null }])
    const { sizeBytes: before } = await store.stats()
    assert.ok(before > 30_000_000)
    await store.compact(store.revision())
    await store.commit([{ key: 'x', value: bytes('x') }])
    await store.close()
    assert.ok(statSync(path).size < 6_000_000, `${statSync(path).size} bytes are left`)
    const db = new DatabaseSync(path)
    assert.deepEqual({ ...db.prepare('SELECT count(*) AS n FROM log').get() }, { n: 6 })
    db.close()
  })

  it('may be on a disk that fills up: writes fail, and go on when there is space', async (t) => {
    if (!mount(directory, 'size=6m')) return t.skip('needs the right to mount')
    try {
      const store = await openStore()
      const value = new Uint8Array(50_000).fill(1)
      let written = 0
      const fill = async () => {
        for (;;) {
          await store.commit([{ key: `k${written}`, value }])
          written++
        }
      }
      writeFileSync(join(directory, 'ballast'), new Uint8Array(3_000_000))
      await assert.rejects(fill(), (error: Error) => {
        assert.ok(error instanceof StoreUnavailableError, `${error}`)
        assert.match(error.message, /the disk is full; free some space/)
        return true
      })
      const revision = store.revision()
      assert.equal(revision, written + 1)
      assert.equal(await read(store, `k${written}`), undefined)
      await assert.rejects(store.commit([{ key: 'x', value }]), StoreUnavailableError)
      rmSync(join(directory, 'ballast'))
      assert.deepEqual(await store.commit([{ key: 'x', value }]), { ok: true, revision: revision + 1 })
      await store.close()
      const again = await openStore()
      assert.equal((await again.range({ start: 'k', end: 'l', countOnly: true })).count, written)
      await again.close()
    } finally {
      unmount(directory)
    }
  })

  it('is refused on a read-only file system', async (t) => {
    if (!mount(directory, 'size=6m')) return t.skip('needs the right to mount')
    try {
      await (await openStore()).close()
      assert.equal(spawnSync('mount', ['-o', 'remount,ro', directory]).status, 0)
      await refused(/cannot open the store ".*": EROFS: read-only file system/)
    } finally {
      unmount(directory)
    }
  })
})

const mount = (at: string, options: string) =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'dhow-store-test', at]).status === 0
const unmount = (at: string) => spawnSync('umount', [at])
