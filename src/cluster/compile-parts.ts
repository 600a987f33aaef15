import { mkdtemp, rm } from 'node:fs/promises'
import { flushCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog, systemClock } from '../base/index.ts'
import { openSqliteStore } from '../store/index.ts'

/** What the process does that `compileAhead` starts: loads everything once, the store's thread too. */
export async function compileParts(): Promise<void> {
  await Promise.all([import('./server.ts'), import('./agent.ts')])
  const directory = await mkdtemp(join(tmpdir(), 'dhow-compile-'))
  try {
    const store = await openSqliteStore({
      path: join(directory, 'store.db'),
      clock: systemClock(),
      log: silentLog,
    })
    await store.close()
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  flushCompileCache()
}
