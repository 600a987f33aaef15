import { assign, fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { invalid, notNegative, notSupported, required } from '../meta/report.validate.ts'
import { defaultPodTemplate } from './pod.defaults.ts'
import { PodTemplate } from './pod.ts'
import { validatePodTemplate } from './pod.validate.ts'
import { ReplicationController } from './replication-controller.ts'

export const podTemplateStrategy = defineStrategy(PodTemplate, {
  generation: true,
  createOnUpdate: true,
  defaults: (object) => within(object, 'template', defaultPodTemplate),
  validate: (out, object) => validatePodTemplate(out, 'template', object.template),
})

export const replicationControllerStrategy = defineStrategy(ReplicationController, {
  generation: true,
  defaults: (controller) => {
    const labels = controller.spec?.template?.metadata?.labels
    const { metadata } = controller
    const named =
      labels && !metadata.labels ? { ...controller, metadata: assign(metadata, { labels }) } : controller
    return within(named, 'spec', (spec) => {
      const s = fill(spec, { replicas: 1, ...(labels ? { selector: labels } : {}) })
      return within(s, 'template', defaultPodTemplate)
    })
  },
  validate: (out, { spec }) => {
    notNegative(out, 'spec.minReadySeconds', spec.minReadySeconds)
    notNegative(out, 'spec.replicas', spec.replicas)
    const selector = spec.selector ?? {}
    if (Object.keys(selector).length === 0) required(out, 'spec.selector')
    if (!spec.template) {
      required(out, 'spec.template')
      return
    }
    const labels = spec.template.metadata?.labels ?? {}
    if (Object.keys(selector).some((key) => labels[key] !== selector[key])) {
      invalid(out, 'spec.template.metadata.labels', labels, '`selector` does not match template `labels`')
    }
    validatePodTemplate(out, 'spec.template', spec.template)
    const policy = spec.template.spec?.restartPolicy
    if (policy !== 'Always') notSupported(out, 'spec.template.spec.restartPolicy', policy ?? '', ['Always'])
  },
  fields: { 'status.replicas': (controller) => String(controller.status.replicas ?? 0) },
})
