// The process that runs one part of a cluster: node src/cluster/main.ts server --data-dir DIR
import { enableCompileCache } from 'node:module'
import { runPart } from './run.ts'

if (!process.env.NODE_COMPILE_CACHE) enableCompileCache('/var/cache/dhow/compiled')
const [command = '', ...args] = process.argv.slice(2)
await runPart(command, args)
