import { openMemoryStore } from './memory.ts'
import { type StoreHarness, storeContract } from './testing/contract.ts'
import { storeHistories } from './testing/histories.ts'

const harness = (): StoreHarness => ({ open: async (clock) => openMemoryStore({ clock, history: false }) })

storeContract('memory', harness)
storeHistories('memory', harness, 300)
