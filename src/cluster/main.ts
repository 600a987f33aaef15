// The process that runs one part of a cluster: node src/cluster/main.ts server --data-dir DIR
// NODE_COMPILE_CACHE is set by whoever starts it: code that is compiled already takes half the memory and time.
import { sayWhyItEnds } from './last-words.ts'
import { runPart } from './run.ts'

const [command = '', ...args] = process.argv.slice(2)
const { fatal } = sayWhyItEnds(command)
await runPart(command, args).catch(fatal)
