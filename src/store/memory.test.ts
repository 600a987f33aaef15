import { type StoreHarness, storeContract } from './contract.ts'
import { storeHistories } from './histories.ts'
import { openMemoryStore } from './memory.ts'

const harness = (): StoreHarness => ({ open: async (clock) => openMemoryStore({ clock, history: false }) })

storeContract('memory', harness)
storeHistories('memory', harness, 300)
