import { type Api, isApiError, type Key } from '../../api/index.ts'
import { type EventRecorder, keyText } from '../../client/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import type { Controller } from './define.ts'
import type { Action, Guard, Plan, Step, Tell } from './plan.ts'

/** Something that was written, by which to tell when a cache shows it. */
export type Written =
  | { readonly kind: Kind; readonly revision: number }
  | { readonly kind: Kind; readonly goneKey: Key; readonly uid: string }

export interface ExecutorOptions {
  readonly controller: Controller
  /** Bound to the controller's identity. */
  readonly api: Api
  readonly recorder: EventRecorder
}

export interface Failure {
  /** undefined: it failed before there was a plan. */
  readonly action: Action | undefined
  readonly error: unknown
}

/** Failed actions of a pass: the first, with the others beside it. */
export class PlanFailedError extends Error {
  override readonly name = 'PlanFailedError'
  readonly failures: readonly (Failure & { readonly action: Action })[]
  constructor(failures: readonly (Failure & { readonly action: Action })[]) {
    const first = failures[0]!.action
    const more = failures.length > 1 ? `, and ${failures.length - 1} more` : ''
    super(`cannot ${describe(first)}${more}`, { cause: failures[0]!.error })
    this.failures = failures
  }
}

/** `create Pod "default/web-"`. */
export function describe(action: Action): string {
  if (action.do === 'event') return `record an event about ${keyText(action.about.metadata)}`
  const key = 'key' in action ? action.key : (action.object.metadata as Key & { generateName?: string })
  const name = key.name ?? (key as { generateName?: string }).generateName ?? ''
  return `${action.do} ${action.kind.resource.kind} "${keyText({ namespace: key.namespace, name })}"`
}

/** Carries out plans. It makes no choices, and what is already so counts as done. */
export class Executor {
  readonly #options: ExecutorOptions

  constructor(options: ExecutorOptions) {
    this.#options = options
  }

  /** Adds to `written` as it goes, so that what was written before a failure counts. */
  async execute(plan: Plan, written: Written[]): Promise<void> {
    for (const step of plan.steps) {
      const failures = await this.#step(step, written)
      if (failures.length > 0) throw new PlanFailedError(failures)
    }
  }

  async #step(step: Step, written: Written[]) {
    const failures: { action: Action; error: unknown }[] = []
    let size = step.slowStart ? 1 : step.actions.length
    for (let at = 0; at < step.actions.length && failures.length === 0; at += size / 2) {
      await Promise.all(
        step.actions.slice(at, at + size).map(async (action) => {
          try {
            await this.#act(action, written)
          } catch (error) {
            failures.push({ action, error })
          }
        }),
      )
      size *= 2
    }
    return failures
  }

  async #act(action: Action, written: Written[]): Promise<void> {
    if (action.do === 'event') {
      this.#options.recorder.record(action.about, action.text)
      return
    }
    this.#allow(action)
    let result: KubeObject | undefined
    try {
      result = await this.#write(action, written)
    } catch (error) {
      const text = action.tell?.failed?.(error)
      if (text && !endedWithNamespace(error)) this.#options.recorder.record(action.tell!.about, text)
      throw error
    }
    this.#tell(action.tell, result)
  }

  #tell(tell: Tell | undefined, result: KubeObject | undefined): void {
    if (tell?.done) this.#options.recorder.record(tell.about, tell.done(result))
  }

  async #write(
    action: Exclude<Action, { do: 'event' }>,
    written: Written[],
  ): Promise<KubeObject | undefined> {
    const { api } = this.#options
    const { kind } = action
    const seen = (object: KubeObject) => {
      written.push({ kind, revision: Number(object.metadata.resourceVersion) })
      return object
    }
    const sub = 'subresource' in action ? { subresource: action.subresource! } : {}
    switch (action.do) {
      case 'create':
        return seen(await api.create(kind, action.object))
      case 'update':
        return seen(await api.update(kind, action.object, sub))
      case 'patch':
        if (action.onlyIf) await this.#hold(action.onlyIf)
        return seen(await api.patch(kind, action.key, action.patch, sub))
      case 'delete': {
        const { key, uid, resourceVersion, propagationPolicy, gracePeriodSeconds } = action
        try {
          const left = await api.delete(kind, key, {
            preconditions: { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
            ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
            ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
          })
          written.push({ kind, goneKey: key, uid })
          return left
        } catch (error) {
          // A conflict is tried again: if that life of the object is over, the cache will show it.
          if (!isApiError(error, 'NotFound')) throw error
          written.push({ kind, goneKey: key, uid })
          return undefined
        }
      }
      default:
        return action satisfies never
    }
  }

  async #hold(guard: Guard): Promise<void> {
    const { kind, key, uid } = guard
    const live = await this.#options.api.get(kind, key)
    const what = `${kind.resource.kind} "${keyText(key)}"`
    if (live.metadata.uid !== uid)
      throw new Error(`cannot act for ${what}: expected uid ${uid}, got ${live.metadata.uid}`)
    if (live.metadata.deletionTimestamp) throw new Error(`cannot act for ${what}: it is being deleted`)
  }

  #allow(action: Exclude<Action, { do: 'event' }>): void {
    const { controller } = this.#options
    const subresource = 'subresource' in action ? action.subresource : undefined
    const allowed = controller.writes.some(
      (rule) =>
        rule.kind === action.kind &&
        rule.subresource === subresource &&
        (rule.verbs as readonly string[]).includes(action.do),
    )
    if (!allowed) {
      const what = subresource === undefined ? '' : `/${subresource}`
      throw new Error(
        `cannot ${action.do} ${action.kind.resource.kind}${what}: controller ${controller.name} does not declare it`,
      )
    }
  }
}

/** The namespace is going away: nothing can be created there, and nothing will have to be. */
export function endedWithNamespace(error: unknown): boolean {
  return (
    isApiError(error, 'Forbidden') &&
    (error.details?.causes?.some((c) => c.reason === 'NamespaceTerminating') ?? false)
  )
}
