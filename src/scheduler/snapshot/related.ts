import type { LabelSelector } from '../../api/index.ts'
import {
  type Labels,
  matchesLabels,
  type Requirement,
  type Selector,
  selectorOf,
  selectorOfLabels,
} from '../../schema/index.ts'
import { podCondition } from './condition.ts'
import { type PodShape, type SpreadConstraint, spreadConstraint } from './shape.ts'

/** What Kubernetes spreads pods by that name no constraints of their own. Source: KEP-1258. */
const DEFAULTS = [
  { maxSkew: 3, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
  { maxSkew: 5, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
] as const

const MAX_SERVICES_LOOKED_AT = 5000

/** Knows which pods belong together: those of one Service, ReplicaSet, StatefulSet or ReplicationController. */
export class Related {
  readonly #services = new Map<string, Map<string, Selector>>()
  readonly #owners = new Map<string, Selector>()
  #known = new WeakMap<PodShape, readonly SpreadConstraint[]>()

  setService(namespace: string, name: string, selector: Labels): void {
    const services = this.#services.get(namespace) ?? new Map<string, Selector>()
    this.#services.set(namespace, services)
    if (selector && Object.keys(selector).length > 0) services.set(name, selectorOfLabels(selector))
    else services.delete(name)
    if (services.size === 0) this.#services.delete(namespace)
    this.#known = new WeakMap()
  }

  /** `kind` as in owner references; undefined: the owner is gone. */
  setOwner(kind: string, namespace: string, name: string, selector: LabelSelector | undefined): void {
    const key = ownerKey(kind, namespace, name)
    if (selector) this.#owners.set(key, selectorOf(selector))
    else this.#owners.delete(key)
    this.#known = new WeakMap()
  }

  /** The soft constraints of pods of this shape, when they have none of their own: none if they belong to nothing. */
  defaultSpread(shape: PodShape): readonly SpreadConstraint[] {
    let known = this.#known.get(shape)
    if (!known) {
      known = this.#spreadOf(shape)
      this.#known.set(shape, known)
    }
    return known
  }

  #spreadOf(shape: PodShape): readonly SpreadConstraint[] {
    const { namespace, labels, owner } = shape
    const requirements: Requirement[] = []
    let looked = 0
    for (const selector of this.#services.get(namespace)?.values() ?? []) {
      if (++looked > MAX_SERVICES_LOOKED_AT) break
      if (matchesLabels(selector, labels)) requirements.push(...selector.requirements)
    }
    if (owner)
      requirements.push(
        ...(this.#owners.get(ownerKey(owner.kind, namespace, owner.name))?.requirements ?? []),
      )
    if (requirements.length === 0) return []
    const condition = podCondition([namespace], { requirements, nothing: false })
    return DEFAULTS.map((c) => spreadConstraint(c, condition, labels, shape.spec))
  }
}

const ownerKey = (kind: string, namespace: string, name: string) => `${kind}/${namespace}/${name}`
