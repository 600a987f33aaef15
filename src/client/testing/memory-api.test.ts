import { apiContract, MemoryApi } from './index.ts'

apiContract('the fake', async () => ({ api: new MemoryApi(), close: async () => {} }))
