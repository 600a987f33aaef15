import { assign } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { labelName } from '../meta/names.validate.ts'
import { validateNamespace, validateNamespaceSubresource } from './cluster.validate.ts'
import { Namespace } from './namespace.ts'

const NAME_LABEL = 'kubernetes.io/metadata.name'

/** Every namespace carries its name as a label, so that selectors can name it. */
function labelled(namespace: Namespace): Namespace {
  const { metadata } = namespace
  if (!metadata.name || metadata.labels?.[NAME_LABEL] === metadata.name) return namespace
  return {
    ...namespace,
    metadata: { ...metadata, labels: { ...metadata.labels, [NAME_LABEL]: metadata.name } },
  }
}

export const namespaceStrategy = defineStrategy(Namespace, {
  defaults: labelled,
  name: labelName,
  validate: validateNamespace,
  validatesUpdatesAlone: true,
  validateSubresource: validateNamespaceSubresource,
  create: (namespace) => {
    const finalizers = namespace.spec.finalizers ?? []
    const spec = finalizers.includes('kubernetes')
      ? namespace.spec
      : { ...namespace.spec, finalizers: [...finalizers, 'kubernetes'] }
    return { ...labelled(namespace), spec, status: { phase: 'Active' as const } }
  },
  /** Only /finalize changes the finalizers. */
  update: (namespace, old, subresource) => {
    if (subresource === 'finalize') return assign(namespace, { status: old.status })
    const spec = assign(namespace.spec, { finalizers: old.spec.finalizers })
    return assign(namespace, { spec })
  },
  fields: {
    'status.phase': (namespace) => namespace.status.phase ?? '',
    name: (namespace) => namespace.metadata.name,
  },
})
