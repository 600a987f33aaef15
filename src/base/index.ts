export { type Clock, microTimestamp, sleep, systemClock, timestamp } from './clock.ts'
export { type Log, processLog, silentLog } from './log.ts'
export { type Random, seededRandom, systemRandom } from './random.ts'
export { VirtualClock } from './virtual-clock.ts'
