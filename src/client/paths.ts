import type { DeleteOptions, GetOptions, Key, ListOptions, WatchOptions, WriteOptions } from '../api/index.ts'
import type { Resource } from '../schema/index.ts'

/** `/api/v1` or `/apis/apps/v1`. */
export function groupPath(resource: Pick<Resource, 'group' | 'version'>): string {
  return resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
}

/** `/api/v1/namespaces/default/pods`; without a namespace the collection of all namespaces. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const scope =
    resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${groupPath(resource)}${scope}/${resource.plural}`
}

/** `/api/v1/namespaces/default/pods/web/log`. */
export function objectPath(resource: Resource, key: Key, subresource?: string): string {
  if (resource.namespaced && key.namespace === undefined) {
    throw new TypeError(`cannot address ${resource.kind} "${key.name}": expected a namespace, got none`)
  }
  const path = `${collectionPath(resource, key.namespace)}/${encodeURIComponent(key.name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

type Parameters = Readonly<Record<string, string | number | boolean | undefined>>

/** `?a=1&b=2`, or nothing; undefined, empty and false values are left out. */
export function query(parameters: Parameters): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '' && value !== false) search.set(name, String(value))
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

export function getQuery(options: GetOptions): string {
  return query({ resourceVersion: options.resourceVersion })
}

export function listQuery(options: ListOptions): string {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = options
  return query({
    labelSelector,
    fieldSelector,
    limit,
    continue: options.continue,
    resourceVersion,
    resourceVersionMatch,
  })
}

export function watchQuery(options: WatchOptions): string {
  const { labelSelector, fieldSelector, resourceVersion, allowWatchBookmarks, timeoutSeconds } = options
  return query({
    watch: true,
    labelSelector,
    fieldSelector,
    resourceVersion,
    allowWatchBookmarks,
    timeoutSeconds,
    sendInitialEvents: options.sendInitialEvents?.toString(),
    resourceVersionMatch: options.sendInitialEvents === undefined ? undefined : 'NotOlderThan',
  })
}

export function writeQuery(options: WriteOptions): string {
  const { dryRun, fieldManager, fieldValidation } = options
  return query({ dryRun: dryRun ? 'All' : undefined, fieldManager, fieldValidation })
}

/** The body of a DELETE; undefined when everything is as the server would choose. */
export function deleteBody(options: DeleteOptions): object | undefined {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options
  const chosen = {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(preconditions === undefined ? {} : { preconditions }),
    ...(dryRun ? { dryRun: ['All'] } : {}),
  }
  return Object.keys(chosen).length === 0 ? undefined : { kind: 'DeleteOptions', apiVersion: 'v1', ...chosen }
}
