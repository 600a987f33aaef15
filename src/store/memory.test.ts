import { storeContract } from './contract.ts'
import { openMemoryStore } from './memory.ts'

storeContract('memory', () => ({ open: async (clock) => openMemoryStore({ clock, history: false }) }))
