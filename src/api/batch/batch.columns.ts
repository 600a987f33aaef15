import {
  AGE,
  age,
  containerImages,
  containerNames,
  humanDuration,
  selectorOrNone,
  table,
  wide,
} from '../table.columns.ts'
import { CronJob } from './cron-job.ts'
import { Job } from './job.ts'

export const cronJobTable = table(
  CronJob,
  ['Schedule', (c) => c.spec.schedule],
  ['Timezone', (c) => c.spec.timeZone || '<none>'],
  [
    'Suspend',
    (c) => (c.spec.suspend === undefined ? '<unset>' : c.spec.suspend ? 'True' : 'False'),
    'boolean',
  ],
  ['Active', (c) => c.status.active?.length ?? 0, 'integer'],
  ['Last Schedule', (c, now) => (c.status.lastScheduleTime ? age(c.status.lastScheduleTime, now) : '<none>')],
  AGE,
  wide('Containers', (c) => containerNames(c.spec.jobTemplate.spec?.template)),
  wide('Images', (c) => containerImages(c.spec.jobTemplate.spec?.template)),
  wide('Selector', (c) => selectorOrNone(c.spec.jobTemplate.spec?.selector)),
)

function statusText(job: Job): string {
  const is = (type: string) =>
    job.status.conditions?.some((c) => c.type === type && c.status === 'True') === true
  if (is('Complete')) return 'Complete'
  if (is('Failed')) return 'Failed'
  if (job.metadata.deletionTimestamp) return 'Terminating'
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(is) ?? 'Running'
}

function completions({ spec, status }: Job): string {
  const done = status.succeeded ?? 0
  if (spec.completions !== undefined) return `${done}/${spec.completions}`
  return (spec.parallelism ?? 0) > 1 ? `${done}/1 of ${spec.parallelism}` : `${done}/1`
}

function duration({ status }: Job, now: number): string {
  if (!status.startTime) return ''
  const end = status.completionTime ? Date.parse(status.completionTime) : now
  return humanDuration(end - Date.parse(status.startTime))
}

export const jobTable = table(
  Job,
  ['Status', statusText],
  ['Completions', completions],
  ['Duration', duration],
  AGE,
  wide('Containers', (j) => containerNames(j.spec.template)),
  wide('Images', (j) => containerImages(j.spec.template)),
  wide('Selector', (j) => selectorOrNone(j.spec.selector)),
)
