import { ApiError, type Key, notFound, type Scale } from '../../../api/index.ts'
import {
  formatSelector,
  type Kind,
  type KubeObject,
  type LabelSelectorLike,
  selectorOf,
  selectorOfLabels,
} from '../../../schema/index.ts'
import type { Item } from '../item.ts'
import type { Caller, Registry } from '../registry.ts'

interface Scalable extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly selector?: unknown }
  readonly status?: { readonly replicas?: number }
}

/** The scale view of a Deployment, ReplicaSet, StatefulSet or ReplicationController. */
export function scaleOf(object: KubeObject): Scale {
  const { metadata, spec, status } = object as Scalable
  const selector = selectorText(spec?.selector)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      creationTimestamp: metadata.creationTimestamp,
    },
    spec: { ...(spec?.replicas ? { replicas: spec.replicas } : {}) },
    status: { replicas: status?.replicas ?? 0, ...(selector ? { selector } : {}) },
  } as Scale
}

/** A ReplicationController's selector is a plain map, the others' a LabelSelector. */
function selectorText(selector: unknown): string {
  if (typeof selector !== 'object' || selector === null) return ''
  const isLabelSelector = 'matchLabels' in selector || 'matchExpressions' in selector
  return formatSelector(
    isLabelSelector
      ? selectorOf(selector as LabelSelectorLike)
      : selectorOfLabels(selector as Record<string, string>),
  )
}

/** Writes `replicas` (and nothing else) of what `next` makes of the present scale. */
export async function updateScale(
  registry: Registry,
  kind: Kind,
  key: Key,
  caller: Caller,
  dryRun: boolean,
  next: (current: Scale) => Scale,
): Promise<{ item: Item; scale: Scale }> {
  const written = await registry.update(
    kind,
    key,
    'scale',
    caller,
    (current) => {
      if (!current) throw notFound(kind.resource, key.name)
      const wanted = next(scaleOf(current))
      checkScale(wanted, key)
      const { resourceVersion, uid } = wanted.metadata
      const metadata = {
        ...current.metadata,
        // Without one in the body the present one: `next` is asked again when a race is lost.
        resourceVersion: resourceVersion || current.metadata.resourceVersion,
        ...(uid ? { uid } : {}),
      }
      return {
        ...current,
        metadata,
        spec: { ...(current as Scalable).spec, replicas: wanted.spec.replicas ?? 0 },
      } as KubeObject
    },
    dryRun,
  )
  return { item: written.item, scale: scaleOf(written.item.object) }
}

function checkScale(scale: Scale, key: Key): void {
  const replicas = scale.spec.replicas ?? 0
  if (replicas >= 0) return
  throw new ApiError(
    'Invalid',
    `Scale.autoscaling "${key.name}" is invalid: spec.replicas: Invalid value: ${replicas}: must be greater than or equal to 0`,
    {
      name: key.name,
      group: 'autoscaling',
      kind: 'Scale',
      causes: [
        {
          reason: 'FieldValueInvalid',
          message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
          field: 'spec.replicas',
        },
      ],
    },
  )
}
