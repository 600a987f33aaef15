export {
  atOnce,
  type Clock,
  inSlices,
  microTimestamp,
  nextTurn,
  pause,
  sleep,
  systemClock,
  timestamp,
} from './clock.ts'
export { errorText } from './error-text.ts'
export { http } from './http.ts'
export { type Log, processLog, silentLog } from './log.ts'
export { type Labels, type MetricDescriptions, MetricStore, type Metrics, noMetrics } from './metrics.ts'
export { type Random, seededRandom, systemRandom } from './random.ts'
export { flat } from './text.ts'
export { VirtualClock } from './virtual-clock.ts'
