import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import { equal } from '../shared/equal.ts'
import { controllerReference } from '../shared/owners.ts'
import { HASH_LABEL } from './annotations.ts'

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** Ten characters at most that depend on the template and on how often that was taken already. */
function templateHash(template: PodTemplateSpec, collisions: number): string {
  const text = `${canonical(template)}\n${collisions}`
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return [...String(hash >>> 0)].map((c) => ALPHABET[c.charCodeAt(0) % ALPHABET.length]).join('')
}

/** JSON with its keys in order, so that the same template gives the same text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`
}

export function nameForNew(deployment: Deployment): string {
  const hash = templateHash(deployment.spec.template, deployment.status.collisionCount ?? 0)
  return `${deployment.metadata.name}-${hash}`
}

/** The templates say the same, the hash label aside. */
export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return equal(a.spec, b.spec) && equal(withoutHash(a), withoutHash(b))
}

function withoutHash(template: PodTemplateSpec): object {
  const { labels = {}, ...metadata } = template.metadata ?? {}
  const { [HASH_LABEL]: _, ...rest } = labels
  return { ...given(metadata), labels: rest }
}

/** Without the members that only a decoder fills in. */
function given(metadata: object): object {
  return Object.fromEntries(
    Object.entries(metadata).filter(([, v]) => v !== undefined && v !== '' && v !== null),
  )
}

/** The oldest ReplicaSet with the Deployment's template. */
export function findNew(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return byCreation(replicaSets).find((rs) => sameTemplate(rs.spec.template, deployment.spec.template))
}

export function byCreation(replicaSets: readonly ReplicaSet[]): ReplicaSet[] {
  return [...replicaSets].sort(
    (a, b) =>
      Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp) ||
      (a.metadata.name < b.metadata.name ? -1 : 1),
  )
}

/** A ReplicaSet for the Deployment's template, without annotations and of size 0. */
export function newReplicaSet(deployment: Deployment): Input<ReplicaSet> & { metadata: { name: string } } {
  const { template, selector, minReadySeconds } = deployment.spec
  const hash = templateHash(template, deployment.status.collisionCount ?? 0)
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash }
  return {
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
}
