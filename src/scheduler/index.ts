export { runElectedScheduler } from './elected.ts'
export {
  type ClusterEvent,
  type Cycle,
  type EventInterest,
  FITS,
  MAX_SCORE,
  type PermitAnswer,
  type Plugin,
  type PreFilter,
  type PreScore,
  type Verdict,
} from './framework.ts'
export { interest } from './queue/events.ts'
export type { QueueState } from './queue/queue.ts'
export { type RunningScheduler, SCHEDULER, type SchedulerOptions, startScheduler } from './scheduler.ts'
