/**
 * A process for crash.test.ts to kill: writes counters from several writers at once, prints each write once it is
 * acknowledged (`key counter revision`), and compacts as it goes.
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../base/index.ts'
import { openSqliteStore } from '../sqlite/open.ts'

const [path = '', first = '0'] = process.argv.slice(2)
const store = await openSqliteStore({ path, clock: systemClock(), history: false })
const encoder = new TextEncoder()

async function writer(key: string): Promise<never> {
  for (let counter = Number(first); ; counter++) {
    const value = encoder.encode(`${counter} ${'x'.repeat((counter * 37) % 3000)}`)
    const result = await store.commit([
      { key, value },
      { key: `${key}/copy`, value },
    ])
    if (!result.ok) throw new Error('an unconditional commit failed')
    writeSync(1, `${key} ${counter} ${result.revision}\n`)
    if (counter % 20 === 0) await store.compact(Math.max(1, result.revision - 30))
  }
}

await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(writer))
