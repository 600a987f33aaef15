import { Namespace, type NamespaceCondition, Pod } from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { type Action, type Plan, plan, remove, together, updateStatus } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'

/** Objects deleted in one pass. */
const BATCH = 500

export interface ObservedNamespace {
  readonly namespace: Namespace
  /** What is left in it, of each kind that has something left. */
  readonly content: readonly Content[]
  /** Kinds that could not be listed: whether something is left is not known. */
  readonly unknown: readonly { readonly kind: Kind; readonly error: string }[]
}

export interface Content {
  readonly kind: Kind
  readonly objects: readonly KubeObject[]
}

const FINALIZER = 'kubernetes'

/** Empties a namespace that is being deleted, pods first, says what remains, and lets it go when nothing does. */
export function planNamespace({ namespace, content, unknown }: ObservedNamespace, now: number): Plan {
  if (!namespace.spec.finalizers?.includes(FINALIZER)) return plan([])
  const write = told(namespace, content, unknown, now)
  if (content.length === 0 && unknown.length === 0) {
    // Whoever else holds it is not to look at what was left before; nobody sees what is said of one that goes now.
    return plan([isHeld(namespace) && write ? write : finalize(namespace)])
  }
  const pods = content.filter((c) => c.kind === (Pod as Kind))
  const next = pods.length > 0 ? pods : content
  const deletions = next.flatMap(({ kind, objects }) =>
    objects
      .filter((o) => o.metadata.deletionTimestamp === undefined)
      .map((o) => remove(kind, o, { propagationPolicy: 'Background' })),
  )
  const waits = remaining(content).map((text) => `the end of ${text}`)
  return plan([write, together(deletions.slice(0, BATCH))], {
    waits,
    againAfterMs: deletions.length > 0 ? 50 : patience(namespace, now),
  })
}

/** The status that says what is left, where it does not say so yet. */
function told(
  namespace: Namespace,
  content: readonly Content[],
  unknown: ObservedNamespace['unknown'],
  now: number,
): Action | undefined {
  const conditions = conditionsOf(namespace, content, unknown, now)
  const status = { ...namespace.status, phase: 'Terminating', conditions } as const
  return equal(status, namespace.status) ? undefined : updateStatus(Namespace, { ...namespace, status })
}

function isHeld({ metadata, spec }: Namespace): boolean {
  return (metadata.finalizers ?? []).length > 0 || (spec.finalizers ?? []).some((f) => f !== FINALIZER)
}

/** Seldomer the longer it takes. */
function patience(namespace: Namespace, now: number): number {
  const waited = now - Date.parse(namespace.metadata.deletionTimestamp ?? '')
  return Math.min(15_000, Math.max(200, waited / 4))
}

function finalize(namespace: Namespace): Action {
  const finalizers = namespace.spec.finalizers?.filter((f) => f !== FINALIZER) ?? []
  const { finalizers: _, ...spec } = namespace.spec
  const next = { ...namespace, spec: { ...spec, ...(finalizers.length > 0 ? { finalizers } : {}) } }
  return { do: 'update', kind: Namespace, object: next, subresource: 'finalize' }
}

function remaining(content: readonly Content[]): string[] {
  return content
    .map(
      ({ kind, objects }) =>
        `${kind.resource.plural}.${kind.resource.group} has ${objects.length} resource instances`,
    )
    .sort()
}

type Verdict = Pick<NamespaceCondition, 'status' | 'reason' | 'message'>

function conditionsOf(
  namespace: Namespace,
  content: readonly Content[],
  unknown: ObservedNamespace['unknown'],
  now: number,
): NamespaceCondition[] {
  const holders = new Map<string, number>()
  for (const { objects } of content) {
    for (const { metadata } of objects) {
      for (const f of metadata.finalizers ?? []) holders.set(f, (holders.get(f) ?? 0) + 1)
    }
  }
  const held = [...holders].map(([name, n]) => `${name} in ${n} resource instances`).sort()
  const failures = unknown.map((u) => `${u.kind.resource.plural}: ${u.error}`)
  const verdicts: Record<string, Verdict> = {
    NamespaceDeletionDiscoveryFailure: no('ResourcesDiscovered', 'All resources successfully discovered'),
    NamespaceDeletionGroupVersionParsingFailure: no(
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    NamespaceDeletionContentFailure:
      failures.length > 0
        ? yes(
            'ContentDeletionFailed',
            `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`,
          )
        : no('ContentDeleted', 'All content successfully deleted, may be waiting on finalization'),
    NamespaceContentRemaining:
      content.length > 0
        ? yes('SomeResourcesRemain', `Some resources are remaining: ${remaining(content).join(', ')}`)
        : no('ContentRemoved', 'All content successfully removed'),
    NamespaceFinalizersRemaining:
      held.length > 0
        ? yes(
            'SomeFinalizersRemain',
            `Some content in the namespace has finalizers remaining: ${held.join(', ')}`,
          )
        : no('ContentHasNoFinalizers', 'All content-preserving finalizers finished'),
  }
  const before = namespace.status.conditions ?? []
  const others = before.filter((c) => !(c.type in verdicts))
  const own = Object.entries(verdicts).map(([type, verdict]) => {
    const known = before.find((c) => c.type === type)
    if (
      known?.status === verdict.status &&
      known.reason === verdict.reason &&
      known.message === verdict.message
    )
      return known
    const lastTransitionTime = known?.status === verdict.status ? known.lastTransitionTime : timestamp(now)
    return { type, ...verdict, lastTransitionTime } as NamespaceCondition
  })
  return [...others, ...own]
}

const yes = (reason: string, message: string): Verdict => ({ status: 'True', reason, message })
const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message })
