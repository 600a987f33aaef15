export { apiContract, type ContractSetup } from './contract.ts'
export { eventually } from './eventually.ts'
export { httpFront, type Intercept } from './http-front.ts'
export { type Call, type Loose, MemoryApi } from './memory-api.ts'
