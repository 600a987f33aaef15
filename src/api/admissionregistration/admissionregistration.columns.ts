import type { LabelSelector } from '../meta/object-meta.ts'
import { AGE, selectorText, table } from '../table.columns.ts'
import {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './policy.ts'
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from './webhook.ts'

interface ParamKind {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
}

interface ParamRef {
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly selector?: LabelSelector | undefined
}

const paramKind = (kind: ParamKind | undefined) => (kind ? `${kind.apiVersion}/${kind.kind}` : '<unset>')

function paramRef(ref: ParamRef | undefined): string {
  if (!ref) return '<unset>'
  if (!ref.name) return selectorText(ref.selector) ?? '<error>'
  return `${ref.namespace || '*'}/${ref.name}`
}

export const mutatingPolicyTable = table(
  MutatingAdmissionPolicy,
  ['Mutations', (p) => p.spec.mutations?.length ?? 0, 'integer'],
  ['ParamKind', (p) => paramKind(p.spec.paramKind)],
  AGE,
)
export const mutatingPolicyBindingTable = table(
  MutatingAdmissionPolicyBinding,
  ['PolicyName', (b) => b.spec.policyName ?? ''],
  ['ParamRef', (b) => paramRef(b.spec.paramRef)],
  AGE,
)
export const validatingPolicyTable = table(
  ValidatingAdmissionPolicy,
  ['Validations', (p) => p.spec.validations?.length ?? 0, 'integer'],
  ['ParamKind', (p) => paramKind(p.spec.paramKind)],
  AGE,
)
export const validatingPolicyBindingTable = table(
  ValidatingAdmissionPolicyBinding,
  ['PolicyName', (b) => b.spec.policyName ?? ''],
  ['ParamRef', (b) => paramRef(b.spec.paramRef)],
  AGE,
)
export const mutatingWebhookTable = table(
  MutatingWebhookConfiguration,
  ['Webhooks', (c) => c.webhooks?.length ?? 0, 'integer'],
  AGE,
)
export const validatingWebhookTable = table(
  ValidatingWebhookConfiguration,
  ['Webhooks', (c) => c.webhooks?.length ?? 0, 'integer'],
  AGE,
)
