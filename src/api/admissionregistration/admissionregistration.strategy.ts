import { each, fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { dnsSubdomain } from '../meta/names.validate.ts'
import { invalid, invalidEach, oneOfIfSet, type Problems, required } from '../meta/report.validate.ts'
import {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './policy.ts'
import {
  type MutatingWebhook,
  MutatingWebhookConfiguration,
  type ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from './webhook.ts'

type Webhook = MutatingWebhook | ValidatingWebhook

const WEBHOOK_DEFAULTS = {
  failurePolicy: 'Fail',
  matchPolicy: 'Equivalent',
  timeoutSeconds: 10,
  namespaceSelector: {},
  objectSelector: {},
} as const

function defaultWebhook<W extends Webhook>(webhook: W): W {
  let w: Webhook = fill<Webhook>(webhook, WEBHOOK_DEFAULTS)
  w = within(w, 'rules', (rules) => each(rules, (rule) => fill(rule, { scope: '*' })))
  return within(w, 'clientConfig', (c) => within(c, 'service', (s) => fill(s, { port: 443 }))) as W
}

function validateWebhooks(out: Problems, webhooks: readonly Webhook[] | undefined): void {
  const names = new Set<string>()
  webhooks?.forEach((webhook, i) => {
    const at = `webhooks[${i}]`
    const { name = '', clientConfig, timeoutSeconds } = webhook
    invalidEach(out, `${at}.name`, name, dnsSubdomain(name))
    if (name.split('.').length < 3) {
      invalid(out, `${at}.name`, name, 'should be a domain with at least three segments separated by dots')
    }
    if (names.has(name)) out.push({ type: 'Duplicate', field: `${at}.name`, value: name, detail: '' })
    names.add(name)
    if (!clientConfig || (clientConfig.url === undefined) === (clientConfig.service === undefined)) {
      required(out, `${at}.clientConfig`, 'exactly one of url or service is required')
    } else if (clientConfig.url !== undefined && !clientConfig.url.startsWith('https://')) {
      invalid(out, `${at}.clientConfig.url`, clientConfig.url, "'https' is the only allowed URL scheme")
    }
    if (!webhook.sideEffects) required(out, `${at}.sideEffects`, 'must specify one of None, NoneOnDryRun')
    else oneOfIfSet(out, `${at}.sideEffects`, webhook.sideEffects, ['None', 'NoneOnDryRun'])
    if (!webhook.admissionReviewVersions?.length) {
      required(out, `${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1')
    }
    oneOfIfSet(out, `${at}.failurePolicy`, webhook.failurePolicy, ['Fail', 'Ignore'])
    oneOfIfSet(out, `${at}.matchPolicy`, webhook.matchPolicy, ['Equivalent', 'Exact'])
    if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30)) {
      invalid(
        out,
        `${at}.timeoutSeconds`,
        timeoutSeconds,
        'the timeout value must be between 1 and 30 seconds',
      )
    }
  })
}

export const mutatingWebhookStrategy = defineStrategy(MutatingWebhookConfiguration, {
  generation: true,
  defaults: (object) =>
    within(object, 'webhooks', (list) =>
      each(list, (w) => fill(defaultWebhook(w), { reinvocationPolicy: 'Never' })),
    ),
  validate: (out, object) => validateWebhooks(out, object.webhooks),
})

export const validatingWebhookStrategy = defineStrategy(ValidatingWebhookConfiguration, {
  generation: true,
  defaults: (object) => within(object, 'webhooks', (list) => each(list, defaultWebhook)),
  validate: (out, object) => validateWebhooks(out, object.webhooks),
})

interface MatchDefaults {
  readonly matchPolicy: 'Equivalent'
  readonly namespaceSelector: object
  readonly objectSelector: object
}
const MATCH_DEFAULTS: MatchDefaults = { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} }

export const validatingPolicyStrategy = defineStrategy(ValidatingAdmissionPolicy, {
  generation: true,
  defaults: (object) =>
    within(object, 'spec', (spec) =>
      within(fill(spec, { failurePolicy: 'Fail' }), 'matchConstraints', (m) => fill(m, MATCH_DEFAULTS)),
    ),
  validate: (out, { spec }) => {
    if (!spec.matchConstraints) required(out, 'spec.matchConstraints')
    if (!spec.validations?.length && !spec.auditAnnotations?.length) {
      required(out, 'spec.validations', 'validations or auditAnnotations must be non-empty')
    }
    spec.validations?.forEach(({ expression }, i) => {
      if (!expression?.trim())
        required(out, `spec.validations[${i}].expression`, 'expression is not specified')
    })
  },
})

export const mutatingPolicyStrategy = defineStrategy(MutatingAdmissionPolicy, {
  generation: true,
  defaults: (object) =>
    within(object, 'spec', (spec) =>
      within(fill(spec, { failurePolicy: 'Fail', reinvocationPolicy: 'Never' }), 'matchConstraints', (m) =>
        fill(m, MATCH_DEFAULTS),
      ),
    ),
  validate: (out, { spec }) => {
    if (!spec.matchConstraints) required(out, 'spec.matchConstraints')
    if (!spec.mutations?.length) required(out, 'spec.mutations', 'mutations must contain at least one item')
  },
})

export const validatingPolicyBindingStrategy = defineStrategy(ValidatingAdmissionPolicyBinding, {
  generation: true,
  defaults: (object) =>
    within(object, 'spec', (spec) => within(spec, 'matchResources', (m) => fill(m, MATCH_DEFAULTS))),
  validate: (out, { spec }) => {
    if (!spec.policyName) required(out, 'spec.policyName')
    if (!spec.validationActions?.length)
      required(out, 'spec.validationActions', 'at least one validation action is required')
    for (const action of spec.validationActions ?? []) {
      oneOfIfSet(out, 'spec.validationActions', action, ['Audit', 'Deny', 'Warn'])
    }
  },
})

export const mutatingPolicyBindingStrategy = defineStrategy(MutatingAdmissionPolicyBinding, {
  generation: true,
  defaults: (object) =>
    within(object, 'spec', (spec) => within(spec, 'matchResources', (m) => fill(m, MATCH_DEFAULTS))),
  validate: (out, { spec }) => {
    if (!spec.policyName) required(out, 'spec.policyName')
  },
})
