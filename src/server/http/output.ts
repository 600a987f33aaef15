import type { Kind } from '../../schema/index.ts'
import type { Item } from '../registry/item.ts'
import type { ListPage } from '../registry/list.ts'
import { type AnswerContext, sendBytes, sendParts, yamlOf } from './answer.ts'
import type { Exchange } from './exchange.ts'
import { CONTENT_TYPE, type Representation } from './negotiate.ts'
import { type View, type ViewOptions, viewOf } from './view.ts'
import { objectProtobuf } from './view-protobuf.ts'

/** One answer: where it goes and what it is to look like. */
export interface Output {
  readonly exchange: Exchange
  readonly representation: Representation
  readonly context: AnswerContext
  /** ?pretty=true */
  readonly pretty: boolean
  readonly view: ViewOptions
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
  const list = view.list(page)
  const isWhole = list.bytes === undefined ? page.items.length <= WHOLE_ROWS : list.bytes <= WHOLE_BYTES
  if (output.representation.media === 'yaml' || output.pretty || isWhole) {
    sendView(output, 200, view, Buffer.concat([...list.parts()]))
  } else await sendParts(exchange, 200, context.headers(view.contentType), list.bytes, list.parts())
}

function sendView(output: Output, status: number, view: View, bytes: Buffer): void {
  if (output.representation.media !== 'protobuf') sendJsonBytes(output, status, bytes)
  else sendBytes(output.exchange, status, output.context.headers(view.contentType), bytes)
}

/** JSON, as YAML or indented where that was asked for. */
function sendJsonBytes(output: Output, status: number, json: Buffer): void {
  const { exchange, representation, context } = output
  if (representation.media === 'yaml') {
    sendBytes(exchange, status, context.headers(CONTENT_TYPE.yaml), yamlOf(json))
    return
  }
  const body = output.pretty
    ? Buffer.from(`${JSON.stringify(JSON.parse(json.toString('utf8')), null, 2)}\n`)
    : json
  sendBytes(exchange, status, context.headers(CONTENT_TYPE.json), body)
}
