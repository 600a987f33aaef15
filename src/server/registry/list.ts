import { badRequest, expired, invalid, type ListOptions, type WatchOptions } from '../../api/index.ts'
import { inSlices } from '../../base/index.ts'
import type { Kind, Problem } from '../../schema/index.ts'
import { CompactedError, FutureRevisionError } from '../../store/index.ts'
import { decodeContinue, encodeContinue, PRESENT } from './continue.ts'
import { WatchCursor } from './cursor.ts'
import type { Item } from './item.ts'
import type { Registry } from './registry.ts'
import type { ServedResource } from './resources.ts'
import { parseRevision } from './rules.ts'
import { Selection } from './selection.ts'

export interface ListPage {
  readonly kind: Kind
  readonly items: readonly Item[]
  readonly revision: number
  readonly continue: string | undefined
  readonly remaining: number | undefined
}

/** The objects that `options` select, all as of one revision. */
export async function listItems(registry: Registry, kind: Kind, options: ListOptions): Promise<ListPage> {
  checkListOptions(options)
  const resource = registry.resources.of(kind)
  const selection = Selection.of(resource, options)
  const limit = options.limit ?? 0
  const position = options.continue ? decodeContinue(options.continue) : undefined
  if (position) {
    const isPresent = position.revision === PRESENT
    await registry.fresh(resource, isPresent ? undefined : '0')
    if (position.revision > registry.revision) {
      throw badRequest(`continue key is not valid: revision ${position.revision} has not happened yet`)
    }
    const revision = isPresent ? registry.revision : position.revision
    const rest = await stateAt(resource, revision, options.namespace, position.after)
    return page(registry, resource, rest, selection, revision, limit)
  }
  const { resourceVersion, resourceVersionMatch } = options
  await registry.fresh(resource, resourceVersion)
  const isExact = resourceVersionMatch === 'Exact' || (resourceVersionMatch === undefined && limit > 0)
  if (resourceVersion && resourceVersion !== '0' && isExact) {
    const revision = parseRevision(resourceVersion)
    return page(
      registry,
      resource,
      await stateAt(resource, revision, options.namespace, undefined),
      selection,
      revision,
      limit,
    )
  }
  const revision = registry.revision
  if (selection.all && limit === 0)
    return {
      kind,
      items: presented(resource, resource.cache.items(options.namespace)),
      revision,
      continue: undefined,
      remaining: undefined,
    }
  return page(registry, resource, selection.candidates(resource.cache), selection, revision, limit)
}

function presented(resource: ServedResource, items: readonly Item[]): readonly Item[] {
  return resource.conversion ? items.map(resource.present) : items
}

/** `state` is of one moment: the looking may take some turns of the event loop. */
async function page(
  registry: Registry,
  resource: ServedResource,
  state: readonly Item[],
  selection: Selection,
  revision: number,
  limit: number,
): Promise<ListPage> {
  // There may be more: its pages show this same state, however long they take to come.
  const isNewest = revision === registry.revision
  if (limit > 0 && isNewest && state.length > limit) resource.cache.keepSnapshot(revision)
  const { items, seen } = await inSlices(select(state, selection, limit), registry.clock)
  const isMore = seen < state.length
  return {
    kind: resource.kind,
    items: presented(resource, items),
    revision,
    continue: isMore ? encodeContinue({ revision, after: items.at(-1)!.key }) : undefined,
    remaining: isMore && !selection.filters ? state.length - seen : undefined,
  }
}

const LOOK_AT_ONCE = 100

/** Up to `limit` of the items that are selected (0: all), and how many were looked at up to the next one. */
function* select(
  state: readonly Item[],
  selection: Selection,
  limit: number,
): Generator<void, { items: Item[]; seen: number }> {
  const items: Item[] = []
  for (let seen = 0; seen < state.length; seen++) {
    if (seen % LOOK_AT_ONCE === LOOK_AT_ONCE - 1) yield
    const item = state[seen]!
    if (!selection.matches(item)) continue
    if (limit > 0 && items.length === limit) return { items, seen }
    items.push(item)
  }
  return { items, seen: state.length }
}

const TOO_OLD_TO_GO_ON =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.'

async function stateAt(
  resource: ServedResource,
  revision: number,
  namespace: string | undefined,
  after: string | undefined,
): Promise<readonly Item[]> {
  const { cache } = resource
  if (cache.history.seqAfter(revision) === cache.history.nextSeq) return cache.items(namespace, after)
  const kept = cache.itemsAt(revision, namespace, after)
  if (kept) return kept
  try {
    return await cache.itemsFromStore(revision, namespace, after)
  } catch (error) {
    if (error instanceof CompactedError) {
      if (after === undefined)
        throw expired(`The resourceVersion for the provided list is too old: ${revision}.`)
      throw expired(TOO_OLD_TO_GO_ON, { continue: encodeContinue({ revision: PRESENT, after }) })
    }
    if (error instanceof FutureRevisionError)
      throw badRequest(`continue key is not valid: revision ${revision} has not happened yet`)
    throw error
  }
}

/** A position from which to follow changes; throws Expired when they are forgotten. */
export async function openWatch(
  registry: Registry,
  kind: Kind,
  options: Omit<WatchOptions, 'signal'>,
): Promise<WatchCursor> {
  const resource = registry.resources.of(kind)
  const selection = Selection.of(resource, options)
  const { resourceVersion } = options
  const isOpen = !resourceVersion || resourceVersion === '0'
  await registry.fresh(resource, resourceVersion)
  const fromState = options.sendInitialEvents ?? isOpen
  const after = fromState ? undefined : isOpen ? registry.revision : parseRevision(resourceVersion)
  if (after !== undefined && after < resource.cache.history.startRevision) await resource.cache.recall(after)
  return new WatchCursor(resource, selection, {
    after,
    revision: registry.revision,
    applied: () => registry.revision,
  })
}

const LIST_OPTIONS = { group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }

function checkListOptions(options: ListOptions): void {
  const problems: Problem[] = []
  const { resourceVersion, resourceVersionMatch: match, continue: token, limit } = options
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) {
    throw badRequest(`cannot list: limit must be a whole number that is not negative, got ${limit}`)
  }
  if (match !== undefined) {
    const forbid = (detail: string) =>
      problems.push({ type: 'Forbidden', field: 'resourceVersionMatch', detail })
    if (!resourceVersion) forbid('resourceVersionMatch is forbidden unless resourceVersion is provided')
    if (token) forbid('resourceVersionMatch is forbidden when continue is provided')
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      problems.push({
        type: 'NotSupported',
        field: 'resourceVersionMatch',
        value: match,
        detail: 'supported values: "Exact", "NotOlderThan", ""',
      })
    } else if (match === 'Exact' && resourceVersion === '0') {
      forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    }
  }
  if (problems.length > 0) throw invalid(LIST_OPTIONS, '', problems)
  if (token && resourceVersion && resourceVersion !== '0')
    throw badRequest('specifying resource version is not allowed when using continue')
}
