import { assign, each, fill, within } from '../copy.strategy.ts'
import { defaultPodTemplate } from '../core/pod.defaults.ts'
import type { CronJob } from './cron-job.ts'
import type { Job, JobSpec } from './job.ts'

const INT32_MAX = 2 ** 31 - 1

function defaultJobSpec(spec: JobSpec): JobSpec {
  // Without either the job is one pod; with completions alone, one at a time; with parallelism alone, a work queue.
  let s =
    spec.completions === undefined && spec.parallelism === undefined ? { ...spec, completions: 1 } : spec
  s = fill(s, {
    parallelism: 1,
    backoffLimit: spec.backoffLimitPerIndex === undefined ? 6 : INT32_MAX,
    completionMode: 'NonIndexed',
    suspend: false,
    podReplacementPolicy: spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed',
    manualSelector: spec.manualSelector ?? false,
  })
  s = within(s, 'podFailurePolicy', (policy) =>
    within(policy, 'rules', (rules) =>
      each(rules, (rule) =>
        within(rule, 'onPodConditions', (list) =>
          each(list, (condition) => fill(condition, { status: 'True' })),
        ),
      ),
    ),
  )
  return within(s, 'template', defaultPodTemplate)
}

export function defaultJob(job: Job): Job {
  const labels = job.spec?.template?.metadata?.labels
  const metadata = labels && !job.metadata.labels ? assign(job.metadata, { labels }) : job.metadata
  return within(assign(job, { metadata }), 'spec', defaultJobSpec)
}

export function defaultCronJob(cron: CronJob): CronJob {
  return within(cron, 'spec', (spec) => {
    const s = fill(spec, {
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    })
    return within(s, 'jobTemplate', (template) =>
      within(template, 'spec', (job) => within(job, 'template', defaultPodTemplate)),
    )
  })
}
