import { bodyKinds, kindFor, ListMeta, Status } from '../../api/index.ts'
import {
  apiVersionOf,
  encodeMessage,
  encodeProtobuf,
  type Kind,
  type KubeObject,
  type StructType,
  watchFrame,
} from '../../schema/index.ts'
import type { Item } from '../registry/item.ts'
import type { ListPage } from '../registry/list.ts'
import { type ListOutput, listMeta, slices, type View } from './view.ts'
import { bookmarkObject } from './view-json.ts'
import type { WatchFormat } from './watch-stream.ts'

const CONTENT_TYPE = 'application/vnd.kubernetes.protobuf'
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])
/** contentEncoding and contentType, both empty. */
const TAIL = Buffer.from([0x1a, 0x00, 0x22, 0x00])
const views = new WeakMap<Kind, View>()

/** Kubernetes' protobuf. An object's message is made once and shared by answers, lists and watch events. */
export function protobufView(kind: Kind): View {
  let view = views.get(kind)
  if (!view) {
    view = {
      contentType: CONTENT_TYPE,
      item: (item) => itemEnvelope(kind, item),
      *list(page) {
        const messages: Uint8Array[] = []
        for (const item of page.items) {
          messages.push(messageOf(kind, item))
          yield
        }
        const { listKind } = kind.resource
        return listOfMessages({ apiVersion: apiVersionOf(kind.resource), kind: listKind }, page, messages)
      },
      watch: () => watchProtobuf(kind),
    }
    views.set(kind, view)
  }
  return view
}

/** An object that says itself what it is, enveloped; undefined when its kind has no protobuf form. */
export function objectProtobuf(object: object): Buffer | undefined {
  const { kind, apiVersion } = object as KubeObject
  const isIt = (b: StructType) => b.apiKind?.kind === kind && apiVersionOf(b.apiKind) === apiVersion
  const type = kind === 'Status' ? Status : (kindFor(apiVersion, kind) ?? bodyKinds.find(isIt))
  return type?.protobuf ? encodeProtobuf(type as StructType<object>, object) : undefined
}

function messageOf(kind: Kind, item: Item): Uint8Array {
  item.proto ??= encodeMessage(kind as StructType<KubeObject>, item.object)
  return item.proto
}

function itemEnvelope(kind: Kind, item: Item): Buffer {
  const message = messageOf(kind, item)
  return Buffer.concat([
    ...envelopeHead(apiVersionOf(kind.resource), kind.resource.kind, message.length),
    message,
    TAIL,
  ])
}

function envelopeHead(apiVersion: string, kind: string, length: number): Buffer[] {
  const group = Buffer.from(apiVersion)
  const name = Buffer.from(kind)
  const meta = Buffer.concat([
    Buffer.from([0x0a]),
    varint(group.length),
    group,
    Buffer.from([0x12]),
    varint(name.length),
    name,
  ])
  return [MAGIC, Buffer.from([0x0a]), varint(meta.length), meta, Buffer.from([0x12]), varint(length)]
}

/** A list's message is its metadata and the items' messages one after the other. */
export function listOfMessages(
  own: { readonly apiVersion: string; readonly kind: string },
  page: ListPage,
  messages: readonly Uint8Array[],
): ListOutput {
  const meta = encodeMessage(ListMeta as StructType<object>, listMeta(page))
  let length = 1 + varintLength(meta.length) + meta.length
  for (const message of messages) length += 1 + varintLength(message.length) + message.length
  const head = Buffer.concat(envelopeHead(own.apiVersion, own.kind, length))
  function* pieces() {
    yield head
    yield META_TAG
    yield varint(meta.length)
    yield meta
    for (const message of messages) {
      yield ITEM_TAG
      yield varint(message.length)
      yield message
    }
    yield TAIL
  }
  return { bytes: head.length + length + TAIL.length, parts: () => slices(pieces()) }
}

const META_TAG = Buffer.from([0x0a])
const ITEM_TAG = Buffer.from([0x12])

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length++
  return length
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}

function watchProtobuf(kind: Kind): WatchFormat {
  const apiVersion = apiVersionOf(kind.resource)
  return {
    contentType: `${CONTENT_TYPE};stream=watch`,
    key: `protobuf ${apiVersion}`,
    event: ({ type, item }) => watchFrame(type, itemEnvelope(kind, item)),
    bookmark: (revision, end) =>
      watchFrame(
        'BOOKMARK',
        encodeProtobuf(
          kind as StructType<object>,
          bookmarkObject(kind.resource.kind, apiVersion, revision, end),
        ),
      ),
    error: (error) => watchFrame('ERROR', encodeProtobuf(Status as StructType<object>, error.status)),
  }
}
