import {
  ApiError,
  badRequest,
  ComponentStatus,
  type Key,
  MetaDeleteOptions,
  type Patch,
} from '../../api/index.ts'
import {
  apiVersionOf,
  decodeMessage,
  type Kind,
  type KubeObject,
  type StructType,
  type Verb,
  WireError,
} from '../../schema/index.ts'
import { bodyTypeOf } from '../body-types.ts'
import { OTHER_BODIES, PROXIED, successStatus } from '../operations.ts'
import { decodeObject, type FieldValidation, notThisKind, unrecognized } from '../registry/decode.ts'
import { deleteCollection } from '../registry/delete.ts'
import { listItems, openWatch } from '../registry/list.ts'
import { BODY_LIMIT, EMPTY, type ParsedBody, parseBody, parseJsonBody } from './body.ts'
import { componentStatus, componentStatuses } from './component-status.ts'
import { readBody } from './exchange.ts'
import type { Request } from './handler.ts'
import { mediaTypeOf, negotiate, type Representation } from './negotiate.ts'
import { deleteOptionsOf, listOptionsOf, watchOptionsOf, writingOf } from './options.ts'
import { type Output, sendItem, sendList, sendObject } from './output.ts'
import { isTrue } from './request-info.ts'
import { type ViewOptions, viewOf } from './view.ts'
import { WatchStream } from './watch-stream.ts'

const DEFAULT_WATCH_MS = 30 * 60_000
const MAX_WATCH_MS = 60 * 60_000

const DEPRECATED: Readonly<Record<string, string>> = {
  'core.v1.Endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  'core.v1.ComponentStatus': 'v1 ComponentStatus is deprecated in v1.19+',
}

/** A request for objects: finds out what is to be done and answers it. */
export async function resourceRequest(request: Request, kind: Kind): Promise<void> {
  const { info, parts } = request
  checkServed(request, kind)
  const deprecation = DEPRECATED[kind.name]
  if (deprecation) request.context.warn(deprecation)
  if (PROXIED.has(info.subresource)) return parts.proxy(request)
  switch (info.verb) {
    case 'get':
      return get(request, kind)
    case 'list':
      return list(request, kind)
    case 'watch':
      return watch(request, kind)
    case 'create':
      return create(request, kind)
    case 'update':
      return update(request, kind)
    case 'patch':
      return patch(request, kind)
    case 'delete':
      return remove(request, kind)
    case 'deletecollection':
      return removeAll(request, kind)
    default:
      throw methodNotAllowed()
  }
}

function checkServed(request: Request, kind: Kind): void {
  const { info } = request
  const { resource } = kind
  if (
    resource.namespaced &&
    info.namespace === '' &&
    info.name !== '' &&
    info.verb !== 'list' &&
    info.verb !== 'watch'
  ) {
    // `/api/v1/pods/web` names nothing.
    throw new ApiError('NotFound', 'the server could not find the requested resource', {})
  }
  if (!resource.namespaced && info.namespace !== '' && resource.plural !== 'namespaces')
    throw new ApiError('NotFound', 'the server could not find the requested resource', {})
  const allowed = info.subresource === '' ? resource.verbs : resource.subresources[info.subresource]?.verbs
  if (!allowed) throw new ApiError('NotFound', 'the server could not find the requested resource', {})
  const verb = info.verb === 'watch' && info.name !== '' ? 'watch' : info.verb
  if (!allowed.includes(verb as Verb)) throw methodNotAllowed()
}

function methodNotAllowed(): ApiError {
  return new ApiError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  )
}

/** Where the object is: no namespace for a cluster-scoped kind, whatever the path parser calls it. */
function keyOf(request: Request, kind: Kind): Key {
  const { namespace, name } = request.info
  return kind.resource.namespaced ? { namespace, name } : { name }
}

function outputFor(request: Request, possible: (r: Representation) => boolean): Output {
  const { exchange, context, info } = request
  return {
    exchange,
    context,
    representation: negotiate(exchange.header('accept'), possible),
    pretty: isTrue(info.query.get('pretty')),
    view: viewOptions(request),
    clock: request.parts.clock,
  }
}

const INCLUDABLE: ReadonlySet<string> = new Set(['Metadata', 'Object', 'None'])

function viewOptions(request: Request): ViewOptions {
  const includeObject = request.info.query.get('includeObject') || 'Metadata'
  if (!INCLUDABLE.has(includeObject)) {
    const shown = JSON.stringify(includeObject.slice(0, 100))
    throw badRequest(
      `Unable to convert to Table as requested: includeObject: Invalid value: ${shown}: must be 'Metadata', 'Object', 'None', or empty`,
    )
  }
  return { includeObject, nowMs: () => request.parts.clock.now() }
}

const anyView = (r: Representation) => r.as !== 'discovery'
const plain = (r: Representation) => r.as === 'object'

async function get(request: Request, kind: Kind): Promise<void> {
  const { info, parts } = request
  const output = outputFor(request, anyView)
  const key = keyOf(request, kind)
  if (info.subresource === 'scale') return sendObject(output, 200, await parts.operations.getScale(kind, key))
  if (kind === ComponentStatus)
    return sendItem(output, 200, kind, await componentStatus(parts.checks, parts.clock, info.name))
  const resourceVersion = info.query.get('resourceVersion')
  sendItem(
    output,
    200,
    kind,
    await parts.operations.registry.get(kind, key, resourceVersion ? { resourceVersion } : {}),
  )
}

async function list(request: Request, kind: Kind): Promise<void> {
  const { info, parts } = request
  const output = outputFor(request, anyView)
  if (kind === ComponentStatus) {
    const items = await componentStatuses(parts.checks, parts.clock)
    return sendList(output, { kind, items, revision: 0, continue: undefined, remaining: undefined })
  }
  const namespace = kind.resource.namespaced ? info.namespace : ''
  await sendList(
    output,
    await listItems(parts.operations.registry, kind, listOptionsOf(info.query, namespace)),
  )
}

async function watch(request: Request, kind: Kind): Promise<void> {
  const { exchange, info, parts, context } = request
  const representation = negotiate(exchange.header('accept'), (r) => anyView(r) && r.media !== 'yaml')
  const namespace = kind.resource.namespaced ? info.namespace : ''
  const options = watchOptionsOf(info.query, namespace)
  // The old form /watch/pods/web has the name in the path.
  const isNamed = info.name !== '' && !info.query.has('fieldSelector')
  const selected = isNamed ? { ...options, fieldSelector: `metadata.name=${info.name}` } : options
  const cursor = await openWatch(parts.operations.registry, kind, selected)
  const format = viewOf(kind, representation, viewOptions(request)).watch()
  const out = exchange.open(200, context.headers(format.contentType))
  const timeoutMs = Math.min(
    !options.timeoutSeconds ? DEFAULT_WATCH_MS : options.timeoutSeconds * 1000,
    MAX_WATCH_MS,
  )
  const stream = new WatchStream(kind.resource.plural, cursor, format, out, parts.clock, {
    timeoutMs,
    bookmarks: options.allowWatchBookmarks === true,
    sendInitialEvents: options.sendInitialEvents === true,
  })
  parts.watches.add(stream)
  exchange.onClose(() => parts.watches.delete(stream))
  stream.start()
}

async function create(request: Request, kind: Kind): Promise<void> {
  const { info, parts, user, context } = request
  const output = outputFor(request, anyView)
  const writing = writingOf(info.query, 'CreateOptions', info.subresource)
  const type = bodyTypeOf(kind, info.subresource)
  const object = decodeBody(type, await parseBody(request.exchange), request, writing.validation)
  const caller = { user, warn: (text: string) => context.warn(text) }
  const namespace = kind.resource.namespaced ? info.namespace : undefined
  const { operations } = parts
  if (info.subresource !== '') {
    if (!OTHER_BODIES.has(info.subresource)) throw methodNotAllowed()
    return sendObject(
      output,
      201,
      await operations.post(kind, keyOf(request, kind), info.subresource, object, caller, writing.dryRun),
    )
  }
  if (operations.isReview(kind))
    return sendObject(output, 201, await operations.review(kind, namespace, object, user))
  if (kind.resource.kind === 'Binding') {
    const key = { namespace, name: object.metadata.name }
    return sendObject(
      output,
      201,
      await operations.post(kind, key, 'binding', object, caller, writing.dryRun),
    )
  }
  sendItem(output, 201, kind, await operations.create(kind, namespace, object, caller, writing))
}

async function update(request: Request, kind: Kind): Promise<void> {
  const { info, parts, user, context } = request
  const output = outputFor(request, anyView)
  const writing = writingOf(info.query, 'UpdateOptions', info.subresource)
  const object = decodeBody(
    bodyTypeOf(kind, info.subresource),
    await parseBody(request.exchange),
    request,
    writing.validation,
  )
  const caller = { user, warn: (text: string) => context.warn(text) }
  const key = keyOf(request, kind)
  if (info.subresource === 'scale') {
    return sendObject(
      output,
      200,
      await parts.operations.putScale(kind, key, object as never, caller, writing.dryRun),
    )
  }
  await mayCreateToo(request, kind)
  const { item, outcome } = await parts.operations.update(kind, key, object, caller, writing)
  sendItem(output, outcome === 'created' ? 201 : 200, kind, item)
}

/** A PUT that would create needs the right to create. */
async function mayCreateToo(request: Request, kind: Kind): Promise<void> {
  const { info, parts, user } = request
  const resource = parts.operations.registry.resources.of(kind)
  if (info.subresource !== '' || !resource.strategy.createOnUpdate) return
  await resource.cache.ready()
  const key = kind.resource.namespaced ? `${info.namespace}/${info.name}` : info.name
  if (!resource.cache.get(key)) await parts.operations.authorize(user, { ...info, verb: 'create' })
}

const PATCH_TYPES: Readonly<Record<string, Patch['type']>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
}

async function patch(request: Request, kind: Kind): Promise<void> {
  const { exchange, info, parts, user, context } = request
  const output = outputFor(request, anyView)
  const media = mediaTypeOf(exchange.header('content-type'))
  const type = PATCH_TYPES[media]
  if (!type) throw unsupportedPatch(media)
  const writing = writingOf(info.query, 'PatchOptions', info.subresource)
  const bytes = await readBody(exchange, BODY_LIMIT)
  if (bytes.length === 0) throw badRequest('cannot patch: the body is empty')
  const { value, duplicates } = parseJsonBody(bytes)
  reportDuplicates(duplicates, writing.validation, (text) => context.warn(text))
  const body = { type, body: value } as Patch
  const caller = { user, warn: (text: string) => context.warn(text) }
  const key = keyOf(request, kind)
  if (info.subresource === 'scale')
    return sendObject(output, 200, await parts.operations.patchScale(kind, key, body, caller, writing))
  sendItem(output, 200, kind, (await parts.operations.patch(kind, key, body, caller, writing)).item)
}

function unsupportedPatch(media: string): ApiError {
  const accepted = Object.keys(PATCH_TYPES).join(', ')
  if (media.startsWith('application/apply-patch')) {
    return new ApiError(
      'UnsupportedMediaType',
      `server-side apply (${media}) is not supported by this server yet; use client-side apply or one of: ${accepted}`,
    )
  }
  return new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  )
}

async function remove(request: Request, kind: Kind): Promise<void> {
  const { info, parts, user, context } = request
  const output = outputFor(request, plain)
  const options = deleteOptionsOf(info.query, deleteBody(await parseBody(request.exchange)))
  const caller = { user, warn: (text: string) => context.warn(text) }
  const { item, outcome } = await parts.operations.delete(kind, keyOf(request, kind), options, caller)
  if (outcome !== 'removed' || RETURNS_DELETED.has(kind.resource.plural))
    return sendItem(output, 200, kind, item)
  const { group, plural } = kind.resource
  const { name, uid } = item.object.metadata
  sendObject(output, 200, {
    ...successStatus(200, { name, ...(group ? { group } : {}), kind: plural, uid }),
    code: undefined,
  })
}

/** These answer a deletion with the object that was deleted, the others with a Status. */
const RETURNS_DELETED = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'resourcequotas',
  'persistentvolumes',
  'persistentvolumeclaims',
  'podtemplates',
])

async function removeAll(request: Request, kind: Kind): Promise<void> {
  const { info, parts, user, context } = request
  const output = outputFor(request, plain)
  const options = deleteOptionsOf(info.query, deleteBody(await parseBody(request.exchange)))
  const namespace = kind.resource.namespaced ? info.namespace : ''
  const caller = { user, warn: (text: string) => context.warn(text) }
  const { items, revision } = await deleteCollection(
    parts.operations.registry,
    kind,
    listOptionsOf(info.query, namespace),
    options,
    caller,
  )
  await sendList(output, { kind, items, revision, continue: undefined, remaining: undefined })
}

function deleteBody(body: ParsedBody): MetaDeleteOptions | undefined {
  if (body === EMPTY) return undefined
  if (body.protobuf) return decodeRaw(MetaDeleteOptions, body.protobuf.raw)
  return decodeObject(MetaDeleteOptions as StructType<MetaDeleteOptions>, body.value, 'Ignore', () => {})
}

function decodeRaw<T>(type: StructType<T>, raw: Uint8Array): T {
  try {
    return decodeMessage(type, raw)
  } catch (error) {
    if (error instanceof WireError) throw notThisKind(type, error.message)
    throw error
  }
}

/** The body as the kind that belongs here; its own kind and apiVersion may be left out but not be others. */
function decodeBody(
  type: StructType<KubeObject>,
  body: ParsedBody,
  request: Request,
  validation: FieldValidation,
): KubeObject {
  if (body === EMPTY) throw badRequest('cannot write: the body is empty')
  const warn = (text: string) => request.context.warn(text)
  const { group, version, kind } = type.apiKind ?? { group: '', version: '', kind: '' }
  const apiVersion = apiVersionOf({ group, version })
  const given = (body.protobuf ?? body.value) as { kind?: unknown; apiVersion?: unknown } | null
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw notThisKind(type, 'expected an object')
  if ((given.kind && given.kind !== kind) || (given.apiVersion && given.apiVersion !== apiVersion)) {
    throw unrecognized({ kind, apiVersion }, given)
  }
  if (body.protobuf) {
    const object = decodeRaw(type, body.protobuf.raw)
    return { ...object, kind, apiVersion }
  }
  const object = decodeObject(type, body.value, validation, warn, body.duplicates)
  return object.kind === kind && object.apiVersion === apiVersion ? object : { ...object, kind, apiVersion }
}

/** Keys that a patch has twice. */
function reportDuplicates(
  duplicates: readonly string[],
  validation: FieldValidation,
  warn: (text: string) => void,
): void {
  if (duplicates.length === 0 || validation === 'Ignore') return
  if (validation === 'Strict') throw badRequest(`strict decoding error: ${duplicates.join(', ')}`)
  for (const text of duplicates) warn(text)
}
