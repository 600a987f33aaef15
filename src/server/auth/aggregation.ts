import { type Api, ClusterRole, isApiError } from '../../api/index.ts'
import type { Clock, Log } from '../../base/index.ts'
import { matchesLabels, selectorOf } from '../../schema/index.ts'
import type { ObjectReader } from '../contracts.ts'
import type { PolicyRule } from './rules.ts'

const RETRY_MS = 1000

/**
 * The rules that an aggregating role should have: those of the roles it selects, by name, each rule once. For a role that
 * aggregates itself stand those that it leads to, whatever rules it has now: roles that select each other would else
 * exchange their rules for ever.
 */
function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): readonly PolicyRule[] {
  const rules = new Map<string, PolicyRule>()
  const visited = new Set([role.metadata.name])
  const collect = (from: ClusterRole) => {
    for (const other of selectedBy(from, all)) {
      if (visited.has(other.metadata.name)) continue
      visited.add(other.metadata.name)
      if (other.aggregationRule) collect(other)
      else for (const rule of other.rules ?? []) rules.set(keyOf(rule), rule)
    }
  }
  collect(role)
  return [...rules.values()]
}

function selectedBy(role: ClusterRole, all: readonly ClusterRole[]): readonly ClusterRole[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).flatMap(readable)
  return all
    .filter(({ metadata }) => selectors.some((selector) => matchesLabels(selector, metadata.labels)))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

/** A selector that cannot be read selects nothing: one bad role must not stop the others. */
function readable(selector: Parameters<typeof selectorOf>[0]) {
  try {
    return [selectorOf(selector)]
  } catch {
    return []
  }
}

/** The aggregating roles whose rules are not (any more) what they select, with the rules they should have. */
function outdatedRoles(all: readonly ClusterRole[]): { role: ClusterRole; rules: readonly PolicyRule[] }[] {
  return all.flatMap((role) => {
    if (!role.aggregationRule) return []
    const rules = aggregatedRules(role, all)
    const current = role.rules ?? []
    const same =
      current.length === rules.length && current.every((rule, i) => keyOf(rule) === keyOf(rules[i]!))
    return same ? [] : [{ role, rules }]
  })
}

const keyOf = (rule: PolicyRule) =>
  JSON.stringify([
    rule.verbs,
    rule.apiGroups ?? [],
    rule.resources ?? [],
    rule.resourceNames ?? [],
    rule.nonResourceURLs ?? [],
  ])

/**
 * Keeps aggregating cluster roles filled: looks again after every change of a cluster role, and after a while when a
 * write failed. `settled` resolves when nothing is left to write.
 */
export class RoleAggregation {
  readonly #options: { api: Api; objects: ObjectReader; clock: Clock; log: Log }
  readonly #unsubscribe: () => void
  #cancelRetry: () => void = () => {}
  #running: Promise<void> | undefined
  #again = false
  #stopped = false

  /** The cache of ClusterRole must be ready. */
  constructor(options: { api: Api; objects: ObjectReader; clock: Clock; log: Log }) {
    this.#options = options
    this.#unsubscribe = options.objects.subscribe(ClusterRole, () => void this.settled())
  }

  settled(): Promise<void> {
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#unsubscribe()
    this.#cancelRetry()
    await this.#running
  }

  async #run(): Promise<void> {
    const { objects, log, clock } = this.#options
    this.#cancelRetry()
    // Changes come in bursts, from inside the cache that announces them: look after the burst.
    await Promise.resolve()
    while (this.#again && !this.#stopped) {
      this.#again = false
      const outdated = outdatedRoles(objects.list(ClusterRole))
      const done = await Promise.all(outdated.map(({ role, rules }) => this.#write(role, rules)))
      const failed = done.find((error) => error !== undefined)
      if (failed === undefined) continue
      log.warn({ err: failed }, 'cannot aggregate cluster roles; trying again')
      this.#cancelRetry = clock.after(RETRY_MS, () => void this.settled())
      return
    }
  }

  async #write(role: ClusterRole, rules: readonly PolicyRule[]): Promise<unknown> {
    try {
      await this.#options.api.update(ClusterRole, { ...role, rules: rules as ClusterRole['rules'] })
      return undefined
    } catch (error) {
      return isApiError(error, 'NotFound') ? undefined : error
    }
  }
}
