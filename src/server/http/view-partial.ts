import { PartialObjectMetadata, Status } from '../../api/index.ts'
import {
  apiVersionOf,
  encodeMessage,
  encodeProtobuf,
  type Kind,
  type StructType,
  watchFrame,
} from '../../schema/index.ts'
import type { Item } from '../registry/item.ts'
import type { ListPage } from '../registry/list.ts'
import { listMeta, slices, type View } from './view.ts'
import { bookmarkObject, jsonBytes, jsonEvent } from './view-json.ts'
import { listOfMessages } from './view-protobuf.ts'

const API_VERSION = 'meta.k8s.io/v1'
const KIND = 'PartialObjectMetadata'

/** Metadata alone: what the garbage collector and caches of other kinds read. */
export function partialView(kind: Kind, isBinary: boolean): View {
  const encode = (type: StructType, object: object) =>
    isBinary ? encodeProtobuf(type as StructType<object>, object) : jsonBytes(object)
  const partial = (item: Item) => ({ kind: KIND, apiVersion: API_VERSION, metadata: item.object.metadata })
  const event = (type: string, object: object) =>
    isBinary ? watchFrame(type, encode(PartialObjectMetadata, object)) : jsonEvent(type, object)
  const contentType = isBinary ? 'application/vnd.kubernetes.protobuf' : 'application/json'
  return {
    contentType,
    item: (item) => encode(PartialObjectMetadata, partial(item)),
    *list(page) {
      if (!isBinary) return { bytes: undefined, parts: () => slices(listPieces(page, partial)) }
      const messages: Uint8Array[] = []
      for (const item of page.items) {
        messages.push(encodeMessage(PartialObjectMetadata as StructType<object>, partial(item)))
        yield
      }
      return listOfMessages({ apiVersion: API_VERSION, kind: `${KIND}List` }, page, messages)
    },
    watch: () => ({
      contentType: isBinary ? `${contentType};stream=watch` : contentType,
      key: `partial ${isBinary} ${apiVersionOf(kind.resource)}`,
      event: ({ type, item }) => event(type, partial(item)),
      bookmark: (revision, end) => event('BOOKMARK', bookmarkObject(KIND, API_VERSION, revision, end)),
      error: (error) =>
        isBinary ? watchFrame('ERROR', encode(Status, error.status)) : jsonEvent('ERROR', error.status),
    }),
  }
}

/** Items are written as they are sent: thousands of them take a while. */
function* listPieces(page: ListPage, partial: (item: Item) => object): Generator<Buffer> {
  const head = { kind: `${KIND}List`, apiVersion: API_VERSION, metadata: listMeta(page) }
  yield Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`)
  let isFirst = true
  for (const item of page.items) {
    const text = JSON.stringify(partial(item))
    yield Buffer.from(isFirst ? text : `,${text}`)
    isFirst = false
  }
  yield Buffer.from(']}')
}
