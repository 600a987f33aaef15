import { apiContract, componentsContract, MemoryApi } from './index.ts'

const setup = async () => ({ api: new MemoryApi(), close: async () => {} })
apiContract('the fake', setup)
componentsContract('the fake', setup)
