import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeContract } from '../contract.ts'
import { openSqliteStore } from './open.ts'

storeContract('sqlite', () => {
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
})
