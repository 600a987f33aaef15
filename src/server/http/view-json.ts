import { apiVersionOf, type Kind } from '../../schema/index.ts'
import type { ListPage } from '../registry/list.ts'
import { type ListOutput, listMeta, slices, type View } from './view.ts'
import type { WatchFormat } from './watch-stream.ts'

const OPEN = Buffer.from('{')
const COMMA_OPEN = Buffer.from(',{')
const LIST_TAIL = Buffer.from(']}')
const EVENT_HEADS = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
} as const
const EVENT_TAIL = Buffer.from('}\n')
const views = new WeakMap<Kind, View>()

/** Objects in the bytes they are kept in: nothing is encoded again. */
export function jsonView(kind: Kind): View {
  let view = views.get(kind)
  if (!view) {
    view = {
      contentType: 'application/json',
      item: (item) => item.json,
      list: (page) => listOutput(kind, page),
      watch: () => watchJson(kind),
    }
    views.set(kind, view)
  }
  return view
}

export function jsonBytes(object: object): Buffer {
  return Buffer.from(JSON.stringify(object))
}

/** Items do not repeat the kind and apiVersion that every object's bytes begin with. */
function* listOutput(kind: Kind, page: ListPage): Generator<void, ListOutput> {
  const apiVersion = apiVersionOf(kind.resource)
  const skip = JSON.stringify({ kind: kind.resource.kind, apiVersion }).length
  const start = JSON.stringify({ kind: kind.resource.listKind, apiVersion, metadata: listMeta(page) }).slice(
    0,
    -1,
  )
  const head = Buffer.from(`${start},"items":[`)
  let bytes = head.length + LIST_TAIL.length + Math.max(0, page.items.length * 2 - 1)
  for (const item of page.items) {
    bytes += item.json.length - skip
    yield
  }
  function* pieces() {
    yield head
    let first = true
    for (const item of page.items) {
      yield first ? OPEN : COMMA_OPEN
      yield item.json.subarray(skip)
      first = false
    }
    yield LIST_TAIL
  }
  return { bytes, parts: () => slices(pieces()) }
}

function watchJson(kind: Kind): WatchFormat {
  const apiVersion = apiVersionOf(kind.resource)
  return {
    contentType: 'application/json',
    key: `json ${apiVersion}`,
    event: ({ type, item }) => Buffer.concat([EVENT_HEADS[type], item.json, EVENT_TAIL]),
    bookmark: (revision, end) =>
      jsonEvent('BOOKMARK', bookmarkObject(kind.resource.kind, apiVersion, revision, end)),
    error: (error) => jsonEvent('ERROR', error.status),
  }
}

export function bookmarkObject(
  kind: string,
  apiVersion: string,
  revision: number,
  initialEventsEnd: boolean,
): object {
  const annotations = initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  return {
    kind,
    apiVersion,
    metadata: { resourceVersion: String(revision), creationTimestamp: null, ...annotations },
  }
}

export function jsonEvent(type: string, object: object): Buffer {
  return Buffer.from(`${JSON.stringify({ type, object })}\n`)
}
