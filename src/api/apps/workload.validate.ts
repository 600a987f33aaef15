import { equalJson } from '../../schema/index.ts'
import { validateClaim } from '../core/persistent-volume.validate.ts'
import type { PodTemplateSpec } from '../core/pod.ts'
import { validatePodTemplate } from '../core/pod.validate.ts'
import type { LabelSelector } from '../meta/object-meta.ts'
import {
  forbidden,
  IMMUTABLE,
  invalid,
  notNegative,
  notSupported,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import { isEmptySelector, selects, validateLabelSelector } from '../meta/selector.validate.ts'
import type { ControllerRevision } from './controller-revision.ts'
import type { DaemonSet } from './daemon-set.ts'
import type { Deployment } from './deployment.ts'
import type { ReplicaSet } from './replica-set.ts'
import type { StatefulSet } from './stateful-set.ts'

type IntOrString = number | string | undefined

const PERCENT_WORDS =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"

/** A count (0 or more) or a percentage. */
export function validateCountOrPercent(out: Problems, field: string, value: IntOrString): void {
  if (typeof value === 'number') notNegative(out, field, value)
  else if (value !== undefined && !/^[0-9]{1,9}%$/.test(value)) invalid(out, field, value, PERCENT_WORDS)
}

function validateAtMostAll(out: Problems, field: string, value: IntOrString): void {
  if (typeof value === 'string' && Number.parseInt(value, 10) > 100)
    invalid(out, field, value, 'must not be greater than 100%')
}

const isZero = (value: IntOrString) => value === undefined || value === 0 || value === '0%'

/** The selector is there, selects something, and selects the pods of the template. */
function validateSelector(
  out: Problems,
  kind: string,
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
): void {
  if (!selector) required(out, 'spec.selector')
  else {
    validateLabelSelector(out, 'spec.selector', selector)
    if (isEmptySelector(selector)) {
      invalid(out, 'spec.selector', selector, `empty selector is invalid for ${kind}`)
    } else if (!selects(selector, template?.metadata?.labels ?? {})) {
      const labels = template?.metadata?.labels ?? {}
      invalid(out, 'spec.template.metadata.labels', labels, '`selector` does not match template `labels`')
    }
  }
}

function validateTemplate(out: Problems, template: PodTemplateSpec | undefined, kind: string): void {
  if (!template) {
    required(out, 'spec.template')
    return
  }
  validatePodTemplate(out, 'spec.template', template)
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {}
  if (restartPolicy !== 'Always')
    notSupported(out, 'spec.template.spec.restartPolicy', restartPolicy ?? '', ['Always'])
  if (activeDeadlineSeconds !== undefined) {
    const why = `activeDeadlineSeconds in ${kind} is not Supported`
    forbidden(out, 'spec.template.spec.activeDeadlineSeconds', why)
  }
}

function validateSelectorUpdate(out: Problems, selector: LabelSelector, old: LabelSelector): void {
  if (!equalJson(selector, old)) invalid(out, 'spec.selector', selector, IMMUTABLE)
}

export function validateDeployment(out: Problems, { spec }: Deployment): void {
  notNegative(out, 'spec.replicas', spec.replicas)
  validateSelector(out, 'deployment', spec.selector, spec.template)
  validateTemplate(out, spec.template, 'ReplicaSet')
  validateDeploymentStrategy(out, spec.strategy ?? {})
  notNegative(out, 'spec.minReadySeconds', spec.minReadySeconds)
  notNegative(out, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit)
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec
  if (deadline === undefined) return
  notNegative(out, 'spec.progressDeadlineSeconds', deadline)
  if (deadline <= minReadySeconds) {
    invalid(out, 'spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')
  }
}

function validateDeploymentStrategy(out: Problems, strategy: Deployment['spec']['strategy']): void {
  const field = 'spec.strategy.rollingUpdate'
  const { rollingUpdate } = strategy
  if (strategy.type === 'Recreate') {
    if (rollingUpdate) {
      forbidden(out, field, "may not be specified when strategy `type` is 'Recreate'")
    }
  } else if (strategy.type !== 'RollingUpdate') {
    notSupported(out, 'spec.strategy', strategy, ['Recreate', 'RollingUpdate'])
  } else if (!rollingUpdate) required(out, field, 'this should be defaulted and never be nil')
  else {
    const { maxUnavailable, maxSurge } = rollingUpdate
    validateCountOrPercent(out, `${field}.maxUnavailable`, maxUnavailable)
    validateCountOrPercent(out, `${field}.maxSurge`, maxSurge)
    if (isZero(maxUnavailable) && isZero(maxSurge)) {
      invalid(out, `${field}.maxUnavailable`, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0')
    }
    validateAtMostAll(out, `${field}.maxUnavailable`, maxUnavailable)
  }
}

export function validateDeploymentUpdate(out: Problems, { spec }: Deployment, old: Deployment): void {
  validateSelectorUpdate(out, spec.selector, old.spec.selector)
}

export function validateDeploymentStatus(out: Problems, deployment: Deployment, old: Deployment): void {
  const { status } = deployment
  validateCounts(out, status, [
    'observedGeneration',
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'collisionCount',
  ])
  validateAtMost(out, status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], 'replicas')
  if ((status.availableReplicas ?? 0) > (status.readyReplicas ?? 0)) {
    invalid(out, 'status.availableReplicas', status.availableReplicas, 'cannot be greater than readyReplicas')
  }
  if ((status.collisionCount ?? -1) < (old.status.collisionCount ?? -1)) {
    invalid(out, 'status.collisionCount', status.collisionCount ?? null, 'cannot be decremented')
  }
}

function validateCounts<T extends object>(
  out: Problems,
  status: T,
  keys: readonly (keyof T & string)[],
): void {
  for (const key of keys) notNegative(out, `status.${key}`, status[key] as number | undefined)
}

function validateAtMost<T extends object>(
  out: Problems,
  status: T,
  keys: readonly (keyof T & string)[],
  limit: keyof T & string,
): void {
  const max = (status[limit] as number | undefined) ?? 0
  for (const key of keys) {
    const value = (status[key] as number | undefined) ?? 0
    if (value > max) invalid(out, `status.${key}`, value, `cannot be greater than status.${limit}`)
  }
}

export function validateReplicaSet(out: Problems, { spec }: ReplicaSet): void {
  notNegative(out, 'spec.replicas', spec.replicas)
  notNegative(out, 'spec.minReadySeconds', spec.minReadySeconds)
  // Kubernetes says deployment here too.
  validateSelector(out, 'deployment', spec.selector, spec.template)
  validateTemplate(out, spec.template, 'ReplicaSet')
}

export function validateReplicaSetUpdate(out: Problems, { spec }: ReplicaSet, old: ReplicaSet): void {
  validateSelectorUpdate(out, spec.selector, old.spec.selector)
}

export function validateReplicaSetStatus(out: Problems, { status }: ReplicaSet): void {
  validateCounts(out, status, [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
  ])
  validateAtMost(out, status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], 'replicas')
  if ((status.availableReplicas ?? 0) > (status.readyReplicas ?? 0)) {
    invalid(out, 'status.availableReplicas', status.availableReplicas, 'cannot be greater than readyReplicas')
  }
}

export function validateDaemonSet(out: Problems, { spec }: DaemonSet): void {
  validateSelector(out, 'daemonset', spec.selector, spec.template)
  validateTemplate(out, spec.template, 'DaemonSet')
  notNegative(out, 'spec.minReadySeconds', spec.minReadySeconds)
  notNegative(out, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit)
  const { type, rollingUpdate } = spec.updateStrategy ?? {}
  const field = 'spec.updateStrategy'
  if (type === 'OnDelete') return
  if (type !== 'RollingUpdate') notSupported(out, field, spec.updateStrategy, ['OnDelete', 'RollingUpdate'])
  else if (!rollingUpdate) required(out, `${field}.rollingUpdate`)
  else {
    const { maxUnavailable, maxSurge } = rollingUpdate
    const at = `${field}.rollingUpdate`
    validateCountOrPercent(out, `${at}.maxUnavailable`, maxUnavailable)
    validateCountOrPercent(out, `${at}.maxSurge`, maxSurge)
    validateAtMostAll(out, `${at}.maxUnavailable`, maxUnavailable)
    validateAtMostAll(out, `${at}.maxSurge`, maxSurge)
    if (isZero(maxUnavailable) && isZero(maxSurge)) {
      required(out, `${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0')
    } else if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
      invalid(out, `${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero')
    }
  }
}

export function validateDaemonSetUpdate(out: Problems, { spec }: DaemonSet, old: DaemonSet): void {
  validateSelectorUpdate(out, spec.selector, old.spec.selector)
}

const CLAIM_RETENTION = ['Delete', 'Retain']

export function validateStatefulSet(out: Problems, { spec }: StatefulSet): void {
  const { podManagementPolicy: management, updateStrategy } = spec
  if (!management) required(out, 'spec.podManagementPolicy')
  else if (management !== 'OrderedReady' && management !== 'Parallel') {
    invalid(out, 'spec.podManagementPolicy', management, "must be 'OrderedReady' or 'Parallel'")
  }
  const type = updateStrategy?.type
  const field = 'spec.updateStrategy'
  if (!type) required(out, field)
  else if (type === 'OnDelete') {
    if (updateStrategy.rollingUpdate) {
      invalid(
        out,
        `${field}.rollingUpdate`,
        updateStrategy.rollingUpdate,
        "only allowed for updateStrategy 'RollingUpdate'",
      )
    }
  } else if (type === 'RollingUpdate') {
    notNegative(out, `${field}.rollingUpdate.partition`, updateStrategy.rollingUpdate?.partition)
    const max = updateStrategy.rollingUpdate?.maxUnavailable
    validateCountOrPercent(out, `${field}.rollingUpdate.maxUnavailable`, max)
    if (max !== undefined && isZero(max))
      invalid(out, `${field}.rollingUpdate.maxUnavailable`, max, 'cannot be 0')
    validateAtMostAll(out, `${field}.rollingUpdate.maxUnavailable`, max)
  } else invalid(out, field, updateStrategy, "must be 'RollingUpdate' or 'OnDelete'")
  const retention = spec.persistentVolumeClaimRetentionPolicy
  for (const key of ['whenDeleted', 'whenScaled'] as const) {
    const at = `spec.persistentVolumeClaimRetentionPolicy.${key}`
    if (retention && !CLAIM_RETENTION.includes(retention[key] ?? '')) {
      notSupported(out, at, retention[key] ?? '', CLAIM_RETENTION)
    }
  }
  notNegative(out, 'spec.replicas', spec.replicas)
  notNegative(out, 'spec.minReadySeconds', spec.minReadySeconds)
  notNegative(out, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit)
  notNegative(out, 'spec.ordinals.start', spec.ordinals?.start)
  validateSelector(out, 'statefulset', spec.selector, spec.template)
  validateStatefulTemplate(out, spec)
}

/** The claims become volumes of the pods, so the template may mount them by name. */
function validateStatefulTemplate(out: Problems, spec: StatefulSet['spec']): void {
  const claims = spec.volumeClaimTemplates ?? []
  const template = spec.template?.spec
  if (!template || claims.length === 0) {
    validateTemplate(out, spec.template, 'StatefulSet')
    return
  }
  const names = new Set(claims.map((c) => c.metadata?.name))
  const volumes = [
    ...(template.volumes ?? []).filter((v) => !names.has(v.name)),
    ...claims.map((c) => ({
      name: c.metadata?.name ?? '',
      persistentVolumeClaim: { claimName: c.metadata?.name || 'x' },
    })),
  ]
  validateTemplate(out, { ...spec.template, spec: { ...template, volumes } }, 'StatefulSet')
  claims.forEach((claim, i) => {
    const found: Problems = []
    validateClaim(found, claim)
    for (const problem of found)
      out.push({ ...problem, field: `spec.volumeClaimTemplates[${i}].${problem.field}` })
  })
}

const STATEFUL_MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const

export function validateStatefulSetUpdate(out: Problems, { spec }: StatefulSet, old: StatefulSet): void {
  const mutable = Object.fromEntries(STATEFUL_MUTABLE.map((key) => [key, old.spec[key]]))
  if (equalJson({ ...spec, ...mutable }, old.spec)) return
  const names =
    "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"
  forbidden(out, 'spec', `updates to statefulset spec for fields other than ${names} are forbidden`)
}

export function validateControllerRevision(out: Problems, { revision }: ControllerRevision): void {
  notNegative(out, 'revision', revision)
}

export function validateControllerRevisionUpdate(
  out: Problems,
  revision: ControllerRevision,
  old: ControllerRevision,
): void {
  if (!equalJson(revision.data, old.data)) invalid(out, 'data', revision.data ?? null, IMMUTABLE)
}
