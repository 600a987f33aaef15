import type { Resource, Subresource, Verb } from './kind.ts'
import { groupVersionPath, type JsonObject, type OpenApiVersion, refTo } from './openapi.ts'
import type { StructType } from './type.ts'

/** The bodies that operations refer to. */
export interface Bodies {
  readonly object: StructType
  readonly list: StructType
  readonly status: StructType
  readonly deleteOptions: StructType
  readonly patch: StructType
  /** The body of a subresource; undefined when it has none that is declared. */
  readonly ofSubresource: (subresource: Subresource) => StructType | undefined
}

interface Operation {
  readonly id: string
  /** `list`, `get`, `post`, …: what clients find in x-kubernetes-action. */
  readonly action: string
  readonly method: string
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
  readonly parameters: readonly Parameter[]
  readonly body?: {
    readonly type: StructType
    readonly mediaTypes: readonly string[]
    readonly required: boolean
  }
  readonly answers: Readonly<Record<string, StructType | undefined>>
  readonly produces: readonly string[]
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly type: 'string' | 'integer' | 'boolean'
  readonly description: string
}

const OBJECT_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']
const WATCH_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch']
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]

const query = (name: string, type: Parameter['type'], description: string): Parameter => ({
  name,
  in: 'query',
  type,
  description,
})
const inPath = (name: string, description: string): Parameter => ({
  name,
  in: 'path',
  type: 'string',
  description,
})

const PRETTY = query('pretty', 'string', 'Indents the answer when true.')
const DRY_RUN = query('dryRun', 'string', 'All: goes through every check but stores nothing.')
const FIELD_MANAGER = query(
  'fieldManager',
  'string',
  'Who makes the change; at most 128 printable characters.',
)
const FIELD_VALIDATION = query(
  'fieldValidation',
  'string',
  'What to do about unknown and duplicate fields: Ignore, Warn or Strict.',
)
const WRITE = [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION]
const LABELS = query('labelSelector', 'string', 'Only objects with these labels.')
const FIELDS = query('fieldSelector', 'string', 'Only objects with these field values.')
const LIST = [
  query('allowWatchBookmarks', 'boolean', 'Watch events of type BOOKMARK are welcome.'),
  query('continue', 'string', 'Goes on where the list that gave this token ended.'),
  FIELDS,
  LABELS,
  query('limit', 'integer', 'At most this many objects; the answer then has a continue token.'),
  query('resourceVersion', 'string', 'How old the answer may be, or where a watch starts.'),
  query('resourceVersionMatch', 'string', 'NotOlderThan or Exact.'),
  query('sendInitialEvents', 'boolean', 'A watch begins with the current state, closed by a bookmark.'),
  query('timeoutSeconds', 'integer', 'Ends the request after this time.'),
  query('watch', 'boolean', 'Sends changes as they happen.'),
]
const DELETE = [
  DRY_RUN,
  query('gracePeriodSeconds', 'integer', 'Time to end in order; 0 deletes at once.'),
  query('orphanDependents', 'boolean', 'Deprecated: use propagationPolicy.'),
  query('propagationPolicy', 'string', 'What happens to dependents: Orphan, Background or Foreground.'),
]

/** The paths of one resource and its subresources, by path. */
export function pathsOf(r: Resource, bodies: Bodies, version: OpenApiVersion): Record<string, JsonObject> {
  const base = `/${groupVersionPath(r)}`
  const all = `${base}/${r.plural}`
  const collection = r.namespaced ? `${base}/namespaces/{namespace}/${r.plural}` : all
  const item = `${collection}/{name}`
  const paths: Record<string, JsonObject> = {}
  const add = (path: string, operations: readonly Operation[]) => {
    if (operations.length > 0) paths[path] = pathItem(path, operations, r, version)
  }
  if (r.namespaced) add(all, collectionOperations(r, bodies, true))
  add(collection, collectionOperations(r, bodies, false))
  add(item, itemOperations(r, bodies))
  for (const [name, subresource] of Object.entries(r.subresources)) {
    add(`${item}/${name}`, subresourceOperations(r, name, subresource, bodies))
  }
  return paths
}

/** `listCoreV1NamespacedPod` */
function operationId(r: Resource, verb: string, kind: string, where: string, tail = ''): string {
  return `${verb}${groupTitle(r)}${where}${kind}${tail}`
}

function groupTitle(r: { readonly group: string; readonly version: string }): string {
  const words = r.group === '' ? ['core'] : r.group.replace(/\.k8s\.io$/, '').split('.')
  return [...words, r.version].map((w) => w.charAt(0).toUpperCase() + w.slice(1)).join('')
}

function collectionOperations(r: Resource, bodies: Bodies, allNamespaces: boolean): Operation[] {
  const where = r.namespaced && !allNamespaces ? 'Namespaced' : ''
  const tail = allNamespaces ? 'ForAllNamespaces' : ''
  const kind = { group: r.group, version: r.version, kind: r.kind }
  const operations: Operation[] = []
  if (r.verbs.includes('list')) {
    operations.push({
      id: operationId(r, 'list', r.kind, where, tail),
      action: 'list',
      method: 'get',
      kind,
      parameters: LIST,
      answers: { '200': bodies.list },
      produces: [...OBJECT_TYPES, ...WATCH_TYPES],
    })
  }
  if (allNamespaces) return operations
  if (r.verbs.includes('create')) {
    operations.push({
      id: operationId(r, 'create', r.kind, where),
      action: 'post',
      method: 'post',
      kind,
      parameters: WRITE,
      body: { type: bodies.object, mediaTypes: ['*/*'], required: true },
      answers: { '200': bodies.object, '201': bodies.object, '202': bodies.object },
      produces: OBJECT_TYPES,
    })
  }
  if (r.verbs.includes('deletecollection')) {
    operations.push({
      id: operationId(r, 'delete', r.kind, `Collection${where}`),
      action: 'deletecollection',
      method: 'delete',
      kind,
      parameters: [...LIST.filter((p) => !/watch|Initial/i.test(p.name)), ...DELETE],
      body: { type: bodies.deleteOptions, mediaTypes: ['*/*'], required: false },
      answers: { '200': bodies.status },
      produces: OBJECT_TYPES,
    })
  }
  return operations
}

function itemOperations(r: Resource, bodies: Bodies): Operation[] {
  const kind = { group: r.group, version: r.version, kind: r.kind }
  const where = r.namespaced ? 'Namespaced' : ''
  const operations = objectOperations(r, r.verbs, kind, bodies.object, bodies.patch, where, '')
  if (r.verbs.includes('delete')) {
    operations.push({
      id: operationId(r, 'delete', r.kind, where),
      action: 'delete',
      method: 'delete',
      kind,
      parameters: DELETE,
      body: { type: bodies.deleteOptions, mediaTypes: ['*/*'], required: false },
      answers: { '200': bodies.status, '202': bodies.status },
      produces: OBJECT_TYPES,
    })
  }
  return operations
}

/** Read, replace and patch, of an object or of a subresource that is one. */
function objectOperations(
  r: Resource,
  verbs: readonly Verb[],
  kind: Operation['kind'],
  object: StructType,
  patch: StructType,
  where: string,
  tail: string,
): Operation[] {
  const common = { kind, produces: OBJECT_TYPES }
  const operations: Operation[] = []
  if (verbs.includes('get')) {
    const id = operationId(r, 'read', r.kind, where, tail)
    operations.push({
      ...common,
      id,
      action: 'get',
      method: 'get',
      parameters: [],
      answers: { '200': object },
    })
  }
  if (verbs.includes('update')) {
    operations.push({
      ...common,
      id: operationId(r, 'replace', r.kind, where, tail),
      action: 'put',
      method: 'put',
      parameters: WRITE,
      body: { type: object, mediaTypes: ['*/*'], required: true },
      answers: { '200': object, '201': object },
    })
  }
  if (verbs.includes('patch')) {
    operations.push({
      ...common,
      id: operationId(r, 'patch', r.kind, where, tail),
      action: 'patch',
      method: 'patch',
      parameters: WRITE,
      body: { type: patch, mediaTypes: PATCH_TYPES, required: true },
      answers: { '200': object, '201': object },
    })
  }
  return operations
}

const METHODS: Partial<Record<Verb, string>> = {
  get: 'get',
  create: 'post',
  update: 'put',
  delete: 'delete',
  patch: 'patch',
}
const CONNECTS = new Set(['attach', 'exec', 'portforward', 'proxy'])

function subresourceOperations(r: Resource, name: string, s: Subresource, bodies: Bodies): Operation[] {
  const where = r.namespaced ? 'Namespaced' : ''
  const kind = { group: s.group ?? r.group, version: s.version ?? r.version, kind: s.kind }
  const tail = name.charAt(0).toUpperCase() + name.slice(1)
  if (CONNECTS.has(name)) {
    return s.verbs.flatMap((verb): Operation[] => {
      const method = METHODS[verb]
      if (!method) return []
      const title = method.charAt(0).toUpperCase() + method.slice(1)
      return [
        {
          id: `connect${groupTitle(r)}${title}${where}${r.kind}${tail}`,
          action: 'connect',
          method,
          kind,
          parameters: [],
          answers: { '200': undefined },
          produces: ['*/*'],
        },
      ]
    })
  }
  const body = bodies.ofSubresource(s)
  if (name === 'log' || !body) {
    const id = operationId(r, 'read', r.kind, where, tail)
    return s.verbs.includes('get')
      ? [
          {
            id,
            action: 'get',
            method: 'get',
            kind,
            parameters: [],
            answers: { '200': undefined },
            produces: ['text/plain'],
          },
        ]
      : []
  }
  const operations = objectOperations(r, s.verbs, kind, body, bodies.patch, where, tail)
  if (s.verbs.includes('create')) {
    operations.push({
      id: operationId(r, 'create', r.kind, where, tail),
      action: 'post',
      method: 'post',
      kind,
      parameters: WRITE,
      body: { type: body, mediaTypes: ['*/*'], required: true },
      answers: { '200': body, '201': body, '202': body },
      produces: OBJECT_TYPES,
    })
  }
  return operations
}

// --- rendering ---

function pathItem(
  path: string,
  operations: readonly Operation[],
  r: Resource,
  version: OpenApiVersion,
): JsonObject {
  const shared = [
    ...(path.includes('{name}') ? [inPath('name', `Name of the ${r.kind}.`)] : []),
    ...(path.includes('{namespace}') ? [inPath('namespace', 'The namespace.')] : []),
    PRETTY,
  ]
  return {
    ...Object.fromEntries(operations.map((o) => [o.method, operation(o, r, version)])),
    parameters: shared.map((p) => parameter(p, version)),
  }
}

function operation(o: Operation, r: Resource, version: OpenApiVersion): JsonObject {
  const body = o.body && {
    description: 'The object.',
    required: o.body.required,
  }
  const parameters = o.parameters.map((p) => parameter(p, version))
  if (o.body && version === 2) {
    parameters.push({ name: 'body', in: 'body', ...body, schema: refTo(o.body.type, 2) })
  }
  const name = groupTitle(r)
  const tag = `${name.charAt(0).toLowerCase()}${name.slice(1)}`.replace(/V(\d)/, '_v$1')
  return {
    operationId: o.id,
    tags: [tag],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(version === 2
      ? { consumes: o.body?.mediaTypes ?? ['*/*'], produces: o.produces, schemes: ['https'] }
      : {}),
    ...(o.body && version === 3
      ? { requestBody: { ...body, content: content(o.body.mediaTypes, o.body.type) } }
      : {}),
    responses: responses(o, version),
    'x-kubernetes-action': o.action,
    'x-kubernetes-group-version-kind': { ...o.kind },
  }
}

function responses(o: Operation, version: OpenApiVersion): JsonObject {
  const words: Record<string, string> = { '200': 'OK', '201': 'Created', '202': 'Accepted' }
  const answer = (code: string, type: StructType | undefined): JsonObject => ({
    description: words[code] ?? 'OK',
    ...(version === 2
      ? { schema: type ? refTo(type, 2) : { type: 'string' } }
      : { content: content(o.produces, type) }),
  })
  return {
    ...Object.fromEntries(Object.entries(o.answers).map(([code, type]) => [code, answer(code, type)])),
    '401': { description: 'Unauthorized' },
  }
}

function content(mediaTypes: readonly string[], type: StructType | undefined): JsonObject {
  const schema = type ? refTo(type, 3) : { type: 'string' }
  return Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, { schema }]))
}

function parameter(p: Parameter, version: OpenApiVersion): JsonObject {
  const { name, description } = p
  const common = { name, in: p.in, description, ...(p.in === 'path' ? { required: true } : {}) }
  return version === 2
    ? { ...common, type: p.type, uniqueItems: true }
    : { ...common, schema: { type: p.type, uniqueItems: true } }
}
