import { type Clock, inSlices } from '../../base/index.ts'
import { apiVersionOf, type Kind } from '../../schema/index.ts'
import type { Item } from '../registry/item.ts'
import type { ListPage } from '../registry/list.ts'
import { type AnswerContext, sendBytes, sendParts, yamlOf } from './answer.ts'
import type { Exchange } from './exchange.ts'
import { CONTENT_TYPE, type Representation } from './negotiate.ts'
import { listMeta, type View, type ViewOptions, viewOf } from './view.ts'
import { objectProtobuf } from './view-protobuf.ts'

/** One answer: where it goes and what it is to look like. */
export interface Output {
  readonly exchange: Exchange
  readonly representation: Representation
  readonly context: AnswerContext
  /** ?pretty=true; long lists stay as they are. */
  readonly pretty: boolean
  readonly view: ViewOptions
  readonly clock: Clock
}

/** What is sent in one piece; longer lists go out in slices, as the client takes them. */
const WHOLE_BYTES = 1024 * 1024
const WHOLE_ROWS = 500

export function sendItem(output: Output, status: number, kind: Kind, item: Item): void {
  const view = viewOf(kind, output.representation, output.view)
  sendView(output, status, view, view.item(item))
}

/** An object that is kept nowhere: a scale, a review, a Status. In JSON where it has no protobuf form. */
export function sendObject(output: Output, status: number, object: object): void {
  const binary = output.representation.media === 'protobuf' ? objectProtobuf(object) : undefined
  if (binary) sendBytes(output.exchange, status, output.context.headers(CONTENT_TYPE.protobuf), binary)
  else sendJsonBytes(output, status, Buffer.from(JSON.stringify(object)))
}

export async function sendList(output: Output, page: ListPage): Promise<void> {
  const { exchange, context } = output
  const view = viewOf(page.kind, output.representation, output.view)
  const list = await inSlices(view.list(page), output.clock)
  const isWhole = list.bytes === undefined ? page.items.length <= WHOLE_ROWS : list.bytes <= WHOLE_BYTES
  const { media, as } = output.representation
  if (media === 'yaml' && as === 'object') {
    const yaml = await inSlices(yamlList(page), output.clock)
    sendBytes(exchange, 200, context.headers(CONTENT_TYPE.yaml), yaml)
  } else if (media === 'yaml' || isWhole) {
    sendView(output, 200, view, Buffer.concat([...list.parts()]))
  } else await sendParts(exchange, 200, context.headers(view.contentType), list.bytes, list.parts())
}

/** A list as YAML, item by item. */
function* yamlList(page: ListPage): Generator<void, Buffer> {
  const { kind, items } = page
  const { listKind } = kind.resource
  const parts = [
    yamlOf({ kind: listKind, apiVersion: apiVersionOf(kind.resource), metadata: listMeta(page) }),
  ]
  parts.push(items.length > 0 ? 'items:\n' : 'items: []\n')
  for (const item of items) {
    const { kind: _kind, apiVersion: _version, ...rest } = JSON.parse(item.json.toString('utf8'))
    parts.push(yamlOf([rest]))
    yield
  }
  return Buffer.from(parts.join(''))
}

function sendView(output: Output, status: number, view: View, bytes: Buffer): void {
  if (output.representation.media !== 'protobuf') sendJsonBytes(output, status, bytes)
  else sendBytes(output.exchange, status, output.context.headers(view.contentType), bytes)
}

/** JSON, as YAML or indented where that was asked for. */
function sendJsonBytes(output: Output, status: number, json: Buffer): void {
  const { exchange, representation, context } = output
  if (representation.media === 'yaml') {
    const yaml = Buffer.from(yamlOf(JSON.parse(json.toString('utf8'))))
    sendBytes(exchange, status, context.headers(CONTENT_TYPE.yaml), yaml)
    return
  }
  const body = output.pretty
    ? Buffer.from(`${JSON.stringify(JSON.parse(json.toString('utf8')), null, 2)}\n`)
    : json
  sendBytes(exchange, status, context.headers(CONTENT_TYPE.json), body)
}
