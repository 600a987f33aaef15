import { assign } from '../copy.strategy.ts'
import { templateWarnings } from '../core/pod.warnings.ts'
import { defineStrategy } from '../define.strategy.ts'
import { defaultCronJob, defaultJob } from './batch.defaults.ts'
import { validateCronJob, validateJob, validateJobUpdate } from './batch.validate.ts'
import { CronJob } from './cron-job.ts'
import { Job } from './job.ts'

const PREFIX = 'batch.kubernetes.io/'

/** A job finds its pods by its uid, so that two jobs never take each other's; unless its author selects by hand. */
function selected(job: Job): Job {
  const { spec, metadata } = job
  if (spec.manualSelector || !spec.template || !metadata.uid) return job
  const own = {
    'controller-uid': metadata.uid,
    'job-name': metadata.name,
    [`${PREFIX}controller-uid`]: metadata.uid,
    [`${PREFIX}job-name`]: metadata.name,
  }
  const template = spec.template.metadata as Job['metadata'] | undefined
  const labelled = { ...template, labels: { ...template?.labels, ...own } } as Job['metadata']
  const selector = {
    ...spec.selector,
    matchLabels: { ...spec.selector?.matchLabels, [`${PREFIX}controller-uid`]: metadata.uid },
  }
  return { ...job, spec: { ...spec, selector, template: { ...spec.template, metadata: labelled } } }
}

export const jobStrategy = defineStrategy(Job, {
  generation: true,
  warnings: templateWarnings,
  defaults: defaultJob,
  create: selected,
  update: (job, old, subresource) =>
    subresource === 'status' || job.spec.selector
      ? job
      : assign(job, { spec: assign(job.spec, { selector: old.spec.selector }) }),
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  fields: { 'status.successful': (job) => String(job.status.succeeded ?? 0) },
})

export const cronJobStrategy = defineStrategy(CronJob, {
  generation: true,
  defaults: defaultCronJob,
  validate: validateCronJob,
})
