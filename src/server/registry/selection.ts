import { badRequest } from '../../api/index.ts'
import {
  type FieldRequirement,
  type KubeObject,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
  SelectorError,
} from '../../schema/index.ts'
import type { ResourceCache } from './cache.ts'
import { type Item, itemKey } from './item.ts'
import type { ServedResource } from './resources.ts'

export interface SelectionOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

type FieldTest = {
  readonly get: (object: KubeObject) => string
  readonly equal: boolean
  readonly value: string
}

/** Which objects of a resource a request is about. */
export class Selection {
  readonly #namespace: string | undefined
  readonly #labels: Selector | undefined
  readonly #fields: readonly FieldTest[]
  /** The only key that can match, where the selector names it. */
  readonly #key: string | undefined
  /** Selectors read the object as its version shows it. */
  readonly #present: (item: Item) => Item

  private constructor(
    resource: ServedResource,
    options: SelectionOptions,
    labels: Selector | undefined,
    fields: readonly FieldRequirement[],
  ) {
    this.#namespace = options.namespace
    this.#labels = labels
    this.#fields = fields.map((f) => ({
      get: fieldReader(resource, f.field),
      equal: f.equal,
      value: f.value,
    }))
    this.#present = resource.present
    const wanted = (field: string) => fields.find((f) => f.equal && f.field === field)?.value
    const name = wanted('metadata.name')
    const namespace = options.namespace ?? wanted('metadata.namespace')
    this.#key =
      name === undefined || (resource.kind.resource.namespaced && namespace === undefined)
        ? undefined
        : itemKey(namespace, name)
  }

  /** Throws BadRequest for selectors that cannot be read or name a field that cannot be selected by. */
  static of(resource: ServedResource, options: SelectionOptions): Selection {
    try {
      const labels = options.labelSelector ? parseLabelSelector(options.labelSelector) : undefined
      const fields = options.fieldSelector ? parseFieldSelector(options.fieldSelector) : []
      const narrow =
        labels !== undefined && (labels.nothing || labels.requirements.length > 0) ? labels : undefined
      return new Selection(resource, options, narrow, fields)
    } catch (error) {
      if (error instanceof SelectorError) throw badRequest(error.message)
      throw error
    }
  }

  /** Nothing is left out, not even other namespaces. */
  get all(): boolean {
    return this.#namespace === undefined && !this.filters
  }

  /** Labels or fields are looked at. */
  get filters(): boolean {
    return this.#labels !== undefined || this.#fields.length > 0
  }

  matches(item: Item): boolean {
    if (this.#namespace !== undefined && item.object.metadata.namespace !== this.#namespace) return false
    if (!this.filters) return true
    const { object } = this.#present(item)
    if (this.#labels && !matchesLabels(this.#labels, object.metadata.labels)) return false
    for (const f of this.#fields) if ((f.get(object) === f.value) !== f.equal) return false
    return true
  }

  /** What is worth looking at: all of the namespace, or the one object that can match. */
  candidates(cache: ResourceCache): Item[] {
    if (this.#key === undefined) return cache.items(this.#namespace)
    const item = cache.get(this.#key)
    return item ? [item] : []
  }

  filter(items: readonly Item[]): Item[] {
    return items.filter((item) => this.matches(item))
  }
}

function fieldReader(resource: ServedResource, field: string): (object: KubeObject) => string {
  if (field === 'metadata.name') return (o) => o.metadata.name
  if (field === 'metadata.namespace') return (o) => o.metadata.namespace ?? ''
  const fields = resource.strategy.selectableFields
  const reader = Object.hasOwn(fields, field) ? fields[field] : undefined
  if (!reader) throw badRequest(`field label not supported: ${field}`)
  return reader
}
