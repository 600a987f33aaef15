import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type StoreHarness, storeContract } from '../testing/contract.ts'
import { storeHistories } from '../testing/histories.ts'
import { openSqliteStore } from './open.ts'

function harness(): StoreHarness {
  let directory = ''
  const path = () => join(directory, 'store.db')
  return {
    open(clock) {
      directory = mkdtempSync(join(tmpdir(), 'dhow-store-'))
      return openSqliteStore({ path: path(), clock, history: false })
    },
    reopen: (clock) => openSqliteStore({ path: path(), clock, history: false }),
    cleanUp: async () => rmSync(directory, { recursive: true }),
  }
}

storeContract('sqlite', harness)
storeHistories('sqlite', harness, 30)
