import { badRequest } from '../../api/index.ts'
import type { RequestAttributes } from '../contracts.ts'

export interface RequestInfo extends RequestAttributes {
  /** What follows the subresource in the path: the proxied path. */
  readonly rest: string
  readonly query: URLSearchParams
}

const NO_QUERY = new URLSearchParams()
const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}
/** Below /namespaces/<name>/ these are subresources of the namespace, not resources in it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

/** What a request asks for, from its method and target. Throws BadRequest for a target that is no path. */
export function requestInfo(method: string, target: string): RequestInfo {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? NO_QUERY : new URLSearchParams(target.slice(mark + 1))
  const raw = path.split('/')
  if (raw[0] !== '')
    throw badRequest(
      `cannot read request: the path must begin with "/", got ${JSON.stringify(path.slice(0, 100))}`,
    )
  if (raw[1] === 'api' && raw.length > 3) return resourceInfo(method, path, query, '', raw, 2)
  if (raw[1] === 'apis' && raw.length > 4)
    return resourceInfo(method, path, query, decodeSegment(raw[2]!), raw, 3)
  return nonResource(method, path, query)
}

function nonResource(method: string, path: string, query: URLSearchParams): RequestInfo {
  return {
    verb: method.toLowerCase(),
    isResource: false,
    path,
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    rest: '',
    query,
  }
}

function resourceInfo(
  method: string,
  path: string,
  query: URLSearchParams,
  group: string,
  raw: readonly string[],
  at: number,
): RequestInfo {
  const version = decodeSegment(raw[at]!)
  let i = at + 1
  let verb = VERBS[method] ?? method.toLowerCase()
  let watching = false
  if (raw[i] === 'watch' && raw.length > i + 1 && raw[i + 1] !== '') {
    // The old form /api/v1/watch/pods.
    watching = true
    i++
  }
  let namespace = ''
  let resource = decodeSegment(raw[i] ?? '')
  if (resource === '') return nonResource(method, path, query)
  if (resource === 'namespaces' && raw[i + 1]) {
    namespace = decodeSegment(raw[i + 1]!)
    const below = raw[i + 2]
    if (below && !NAMESPACE_SUBRESOURCES.has(below)) {
      i += 2
      resource = decodeSegment(below)
    }
  }
  const name = raw[i + 1] ? decodeSegment(raw[i + 1]!) : ''
  const subresource = name !== '' && raw[i + 2] ? decodeSegment(raw[i + 2]!) : ''
  const rest = subresource === '' || raw.length <= i + 3 ? '' : `/${raw.slice(i + 3).join('/')}`
  if (name === '' && verb === 'get') verb = watching || isTrue(query.get('watch')) ? 'watch' : 'list'
  else if (verb === 'get' && watching) verb = 'watch'
  else if (name === '' && verb === 'delete') verb = 'deletecollection'
  const info = {
    verb,
    isResource: true,
    path,
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
    rest,
    query,
  }
  if (name === '' && (verb === 'list' || verb === 'watch' || verb === 'deletecollection'))
    return { ...info, ...selection(query.get('fieldSelector')) }
  return info
}

export function isTrue(value: string | null): boolean {
  return (
    value === 'true' ||
    value === '1' ||
    value === 'TRUE' ||
    value === 'True' ||
    value === 't' ||
    value === 'T'
  )
}

/** What authorization sees of a list: one object by its name is authorized as that object. */
export function selection(fieldSelector: string | null | undefined): { name: string; fieldSelector: string } {
  const match = fieldSelector ? /(?:^|,)metadata\.name==?([^,!=]+)(?:,|$)/.exec(fieldSelector) : null
  return { name: match?.[1] ?? '', fieldSelector: fieldSelector ?? '' }
}

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badRequest(
      `cannot read request: the path segment ${JSON.stringify(segment)} is not valid UTF-8 in percent-encoding`,
    )
  }
}
