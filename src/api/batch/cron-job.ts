import {
  always,
  bool,
  int32,
  int64,
  kind,
  listOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectReference } from '../core/common.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { JobTemplateSpec } from './job.ts'

export const ConcurrencyPolicy = oneOf('Allow', 'Forbid', 'Replace')
export type ConcurrencyPolicy = TypeOf<typeof ConcurrencyPolicy>

const cronJobFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => CronJobSpec),
  status: always(3, () => CronJobStatus),
} as const

export interface CronJob extends Shape<typeof cronJobFields> {}
export const CronJob = kind<CronJob>('batch.v1.CronJob', cronJobFields, {
  doc: 'Creates a Job on a schedule.',
  group: 'batch',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  subresources: {
    status: { kind: 'CronJob', verbs: ['get', 'patch', 'update'] },
  },
})

const cronJobSpecFields = {
  schedule: req(1, str),
  timeZone: ptr(8, str),
  startingDeadlineSeconds: ptr(2, int64),
  concurrencyPolicy: opt(3, ConcurrencyPolicy),
  suspend: ptr(4, bool),
  jobTemplate: req(5, () => JobTemplateSpec),
  successfulJobsHistoryLimit: ptr(6, int32),
  failedJobsHistoryLimit: ptr(7, int32),
} as const

export interface CronJobSpec extends Shape<typeof cronJobSpecFields> {}
export const CronJobSpec = struct<CronJobSpec>('batch.v1.CronJobSpec', cronJobSpecFields)

const cronJobStatusFields = {
  active: opt(
    1,
    listOf(() => ObjectReference),
  ),
  lastScheduleTime: ptr(4, time),
  lastSuccessfulTime: ptr(5, time),
} as const

export interface CronJobStatus extends Shape<typeof cronJobStatusFields> {}
export const CronJobStatus = struct<CronJobStatus>('batch.v1.CronJobStatus', cronJobStatusFields)
