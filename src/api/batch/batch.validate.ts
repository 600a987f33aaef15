import { equalJson } from '../../schema/index.ts'
import { validatePodTemplate } from '../core/pod.validate.ts'
import { domainPath } from '../meta/names.validate.ts'
import {
  IMMUTABLE,
  invalid,
  invalidEach,
  notNegative,
  notSupported,
  oneOfIfSet,
  type Problems,
  required,
  tooMany,
} from '../meta/report.validate.ts'
import { selects, validateLabelSelector } from '../meta/selector.validate.ts'
import { scheduleProblem } from './cron.validate.ts'
import type { CronJob } from './cron-job.ts'
import type { Job, JobSpec } from './job.ts'

const MAX_INDEXED = 100_000
const MAX_RULES = 20

function validateJobSpec(out: Problems, field: string, spec: JobSpec): void {
  const counts = [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const
  for (const key of counts) notNegative(out, `${field}.${key}`, spec[key])
  validateCompletionMode(out, field, spec)
  if (spec.managedBy !== undefined)
    invalidEach(out, `${field}.managedBy`, spec.managedBy, domainPath(spec.managedBy))
  oneOfIfSet(out, `${field}.podReplacementPolicy`, spec.podReplacementPolicy, [
    'Failed',
    'TerminatingOrFailed',
  ])
  if (spec.podFailurePolicy) validateFailurePolicy(out, `${field}.podFailurePolicy`, spec)
  if (!spec.template) {
    required(out, `${field}.template`)
    return
  }
  validatePodTemplate(out, `${field}.template`, spec.template)
  const policy = spec.template.spec?.restartPolicy
  if (policy === 'Always') {
    required(out, `${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    notSupported(out, `${field}.template.spec.restartPolicy`, policy ?? '', ['OnFailure', 'Never'])
  }
}

function validateCompletionMode(out: Problems, field: string, spec: JobSpec): void {
  const { completionMode, completions, parallelism = 1 } = spec
  if (completionMode !== 'Indexed') {
    oneOfIfSet(out, `${field}.completionMode`, completionMode, ['Indexed', 'NonIndexed'])
    if (spec.backoffLimitPerIndex !== undefined) {
      invalid(
        out,
        `${field}.backoffLimitPerIndex`,
        spec.backoffLimitPerIndex,
        'requires indexed completion mode',
      )
    }
    if (spec.maxFailedIndexes !== undefined) {
      invalid(out, `${field}.maxFailedIndexes`, spec.maxFailedIndexes, 'requires indexed completion mode')
    }
    if (spec.successPolicy)
      invalid(out, `${field}.successPolicy`, spec.successPolicy, 'requires indexed completion mode')
    return
  }
  if (completions === undefined) required(out, `${field}.completions`, 'when completion mode is Indexed')
  if (parallelism > MAX_INDEXED) {
    invalid(
      out,
      `${field}.parallelism`,
      parallelism,
      `must be less than or equal to ${MAX_INDEXED} when completion mode is Indexed`,
    )
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    required(out, `${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')
  }
}

function validateFailurePolicy(out: Problems, field: string, spec: JobSpec): void {
  const rules = spec.podFailurePolicy?.rules ?? []
  if (spec.template?.spec?.restartPolicy !== 'Never') {
    const policy = spec.template?.spec?.restartPolicy ?? ''
    invalid(out, field, policy, 'only "Never" is supported when podFailurePolicy is specified')
  }
  if (rules.length > MAX_RULES) tooMany(out, `${field}.rules`, rules.length, MAX_RULES)
  const names = new Set(
    [...(spec.template?.spec?.containers ?? []), ...(spec.template?.spec?.initContainers ?? [])].map(
      (c) => c.name,
    ),
  )
  rules.forEach((rule, i) => {
    const at = `${field}.rules[${i}]`
    if (!rule.action) required(out, `${at}.action`, 'valid values: "Count", "FailIndex", "FailJob", "Ignore"')
    else oneOfIfSet(out, `${at}.action`, rule.action, ['Count', 'FailIndex', 'FailJob', 'Ignore'])
    if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
      invalid(out, `${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set')
    }
    const { onExitCodes, onPodConditions } = rule
    if (onExitCodes && onPodConditions?.length) {
      invalid(out, at, rule, 'specifying both OnExitCodes and OnPodConditions is not supported')
    } else if (!onExitCodes && !onPodConditions?.length) {
      invalid(out, at, rule, 'specifying one of OnExitCodes and OnPodConditions is required')
    }
    if (!onExitCodes) return
    oneOfIfSet(out, `${at}.onExitCodes.operator`, onExitCodes.operator, ['In', 'NotIn'])
    if (!onExitCodes.values?.length)
      invalid(out, `${at}.onExitCodes.values`, onExitCodes.values ?? [], 'at least one value is required')
    if (onExitCodes.operator === 'In' && onExitCodes.values?.includes(0)) {
      invalid(out, `${at}.onExitCodes.values`, 0, 'must not be 0 for the In operator')
    }
    if (onExitCodes.containerName !== undefined && !names.has(onExitCodes.containerName)) {
      const why = 'must be one of the container or initContainer names in the pod template'
      invalid(out, `${at}.onExitCodes.containerName`, onExitCodes.containerName, why)
    }
  })
}

export function validateJob(out: Problems, { spec }: Job): void {
  validateJobSpec(out, 'spec', spec)
  if (!spec.selector) {
    required(out, 'spec.selector')
    return
  }
  validateLabelSelector(out, 'spec.selector', spec.selector)
  const labels = spec.template?.metadata?.labels ?? {}
  if (!selects(spec.selector, labels)) {
    invalid(out, 'spec.template.metadata.labels', labels, '`selector` does not match template `labels`')
  }
}

export function validateJobUpdate(out: Problems, { spec }: Job, old: Job): void {
  const fixed = [
    'selector',
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const
  for (const key of fixed) {
    if (!equalJson(spec[key], old.spec[key])) invalid(out, `spec.${key}`, spec[key] ?? null, IMMUTABLE)
  }
  const elastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism
  if (spec.completions !== old.spec.completions && !elastic) {
    invalid(out, 'spec.completions', spec.completions ?? null, IMMUTABLE)
  }
  // A job that is suspended and has not started may still be told where its pods go.
  const open = old.spec.suspend === true && old.status.startTime === undefined
  if (!open && !equalJson(spec.template, old.spec.template)) {
    invalid(out, 'spec.template', spec.template, IMMUTABLE)
  }
}

export function validateCronJob(out: Problems, cron: CronJob): void {
  const { spec } = cron
  if (cron.metadata.name.length > 52)
    invalid(out, 'metadata.name', cron.metadata.name, 'must be no more than 52 characters')
  if (!spec.schedule) required(out, 'spec.schedule')
  else {
    const problem = scheduleProblem(spec.schedule)
    if (problem) invalid(out, 'spec.schedule', spec.schedule, problem)
    if (/TZ=/.test(spec.schedule)) {
      invalid(
        out,
        'spec.schedule',
        spec.schedule,
        'cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
      )
    }
  }
  notNegative(out, 'spec.startingDeadlineSeconds', spec.startingDeadlineSeconds)
  const { concurrencyPolicy: policy } = spec
  if (!policy) required(out, 'spec.concurrencyPolicy')
  else oneOfIfSet(out, 'spec.concurrencyPolicy', policy, ['Allow', 'Forbid', 'Replace'])
  notNegative(out, 'spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit)
  notNegative(out, 'spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit)
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
    invalid(out, 'spec.timeZone', spec.timeZone, `unknown time zone ${spec.timeZone}`)
  }
  const job = spec.jobTemplate?.spec
  if (!job) {
    required(out, 'spec.jobTemplate.spec')
    return
  }
  if (job.manualSelector) notSupported(out, 'spec.jobTemplate.spec.manualSelector', true, ['nil', 'false'])
  validateJobSpec(out, 'spec.jobTemplate.spec', job)
}

function isTimeZone(name: string): boolean {
  if (name === '' || name.toLowerCase() === 'local') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
