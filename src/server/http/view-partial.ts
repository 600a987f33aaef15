import { PartialObjectMetadata, PartialObjectMetadataList, Status } from '../../api/index.ts'
import { apiVersionOf, encodeProtobuf, type Kind, type StructType, watchFrame } from '../../schema/index.ts'
import type { Item } from '../registry/item.ts'
import { listMeta, type View } from './view.ts'
import { bookmarkObject, jsonBytes, jsonEvent } from './view-json.ts'

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
    list(page) {
      const items = page.items.map(partial)
      const whole = encode(PartialObjectMetadataList, {
        kind: `${KIND}List`,
        apiVersion: API_VERSION,
        metadata: listMeta(page),
        items,
      })
      return { bytes: whole.length, parts: () => [whole] }
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
