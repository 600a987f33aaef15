import type { Key, ListOptions } from '../../api/index.ts'
import { type IndexFunction, keyText } from '../../client/index.ts'
import type { Kind, KubeObject, Verb } from '../../schema/index.ts'
import type { Failure } from './executor.ts'
import type { Plan } from './plan.ts'

/**
 * A control loop. What it reads and writes is declared, and held to: reading an undeclared kind or writing one
 * throws. `observe` gathers what matters about a key; `plan` decides, purely. The whole of a controller that
 * labels every Namespace:
 *
 *     export default defineController({
 *       name: 'team-label',
 *       reads: [Namespace],
 *       writes: [{ kind: Namespace, verbs: ['patch'] }],
 *       on: [each(Namespace)],
 *       observe: (key, view) => view.get(Namespace, key),
 *       plan: (namespace) =>
 *         namespace.metadata.labels?.team
 *           ? nothingToDo
 *           : plan([mergePatch(Namespace, namespace, { metadata: { labels: { team: 'none' } } })]),
 *     })
 */
export interface Controller<Observed = unknown> {
  /** `replicaset`; the work queue, logs and events carry it. */
  readonly name: string
  /** The service account in kube-system that it writes as; default `<name>-controller`. */
  readonly serviceAccount?: string
  /** Kinds that are watched and may be read. */
  readonly reads: readonly Kind[]
  /** Kinds that are not watched, and may be read live. */
  readonly asks?: readonly Kind[]
  readonly writes: readonly WriteRule[]
  /** How a key changes hands: which keys a changed object concerns. */
  readonly on: readonly Trigger[]
  readonly indexes?: readonly IndexDeclaration[]
  /** Keys in work at the same time; default 5. */
  readonly concurrency?: number
  /** Keys that are looked at once at the start, whatever exists. */
  readonly initialKeys?: readonly string[]
  /** undefined: nothing is there to plan for. Reads caches; live reads only where a cache cannot know. */
  observe(key: Key, view: View): Observed | undefined | Promise<Observed | undefined>
  plan(observed: Observed, context: PlanContext): Plan
}

export interface WriteRule {
  readonly kind: Kind
  readonly verbs: readonly Extract<Verb, 'create' | 'update' | 'patch' | 'delete'>[]
  /** 'status'; undefined: the object itself. */
  readonly subresource?: string
}

export interface PlanContext {
  /** Milliseconds since 1970. */
  readonly now: number
  /** What the last pass over this key failed with; undefined when it did not. */
  readonly failure: Failure | undefined
}

export interface Trigger {
  readonly kind: Kind
  readonly keys: (object: KubeObject, view: View) => Iterable<string>
  /** Asked on updates: false leaves the key alone. */
  readonly changed?: (now: KubeObject, old: KubeObject) => boolean
}

export interface IndexDeclaration {
  readonly kind: Kind
  readonly name: string
  readonly fn: IndexFunction<KubeObject>
}

/** What a controller can see. Objects are shared and immutable. */
export interface View {
  get<T extends KubeObject>(kind: Kind<T>, key: Key): T | undefined
  list<T extends KubeObject>(kind: Kind<T>, namespace?: string): Iterable<T>
  byIndex<T extends KubeObject>(kind: Kind<T>, index: string, value: string): Iterable<T>
  /** Asks the server. undefined: it is not there. */
  liveGet<T extends KubeObject>(kind: Kind<T>, key: Key): Promise<T | undefined>
  liveList<T extends KubeObject>(kind: Kind<T>, options: ListOptions): Promise<readonly T[]>
}

export function defineController<Observed>(controller: Controller<Observed>): Controller {
  return controller as unknown as Controller
}

/** A changed object is its own key. */
export function each<T extends KubeObject>(kind: Kind<T>, changed?: (now: T, old: T) => boolean): Trigger {
  return trigger(kind, (object) => [keyText(object.metadata)], changed)
}

/** A changed object concerns the owner that controls it, when that is of kind `owner`. */
export function ownedBy(owner: Kind, kind: Kind): Trigger {
  return trigger(kind, (object) => {
    const { namespace, ownerReferences } = object.metadata as KubeObject['metadata'] & {
      ownerReferences?: readonly { kind: string; name: string; controller?: boolean }[]
    }
    const ref = ownerReferences?.find((r) => r.controller && r.kind === owner.resource.kind)
    if (!ref) return []
    return [keyText(owner.resource.namespaced ? { namespace, name: ref.name } : { name: ref.name })]
  })
}

/** A changed object concerns the keys that `keys` finds. */
export function trigger<T extends KubeObject>(
  kind: Kind<T>,
  keys: (object: T, view: View) => Iterable<string>,
  changed?: (now: T, old: T) => boolean,
): Trigger {
  return { kind, keys, ...(changed ? { changed } : {}) } as unknown as Trigger
}

export function index<T extends KubeObject>(
  kind: Kind<T>,
  name: string,
  fn: IndexFunction<T>,
): IndexDeclaration {
  return { kind, name, fn } as unknown as IndexDeclaration
}

/** The RBAC rules that a controller's declaration asks for: what its ClusterRole must grant. */
export function rulesOf(controller: Controller) {
  const asks = (controller.asks ?? []).map((kind) => ({
    apiGroups: [kind.resource.group],
    resources: [kind.resource.plural],
    verbs: ['get', 'list'] as string[],
  }))
  const reads = controller.reads.map((kind) => ({
    apiGroups: [kind.resource.group],
    resources: [kind.resource.plural],
    verbs: ['get', 'list', 'watch'] as string[],
  }))
  const writes = controller.writes.map(({ kind, verbs, subresource }) => ({
    apiGroups: [kind.resource.group],
    resources: [subresource === undefined ? kind.resource.plural : `${kind.resource.plural}/${subresource}`],
    verbs: [...verbs] as string[],
  }))
  return [...reads, ...asks, ...writes]
}
