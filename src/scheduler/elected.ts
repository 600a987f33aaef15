import { runElected } from '../client/index.ts'
import { type SchedulerOptions, startScheduler } from './scheduler.ts'

/** One of several schedulers of a cluster: schedules while it holds the Lease `kube-system/kube-scheduler`. */
export async function runElectedScheduler(
  options: SchedulerOptions & {
    /** Unique among them: `<host>_<uuid>`. */
    readonly identity: string
  },
): Promise<void> {
  const { identity, ...own } = options
  await runElected({
    ...own,
    namespace: 'kube-system',
    name: 'kube-scheduler',
    identity,
    lead: (lost) => startScheduler({ ...own, signal: lost }).stopped,
  })
}
