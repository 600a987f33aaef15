export { type Command, CommandError, machineCommand } from './command.ts'
export { type ServiceProxy, type ServiceProxyOptions, startServiceProxy } from './proxy/proxy.ts'
