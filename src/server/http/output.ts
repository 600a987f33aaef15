import type { Kind } from '../../schema/index.ts'
import type { Item } from '../registry/item.ts'
import type { ListPage } from '../registry/list.ts'
import { type AnswerContext, sendBytes, sendParts, yamlOf } from './answer.ts'
import type { Exchange } from './exchange.ts'
import { CONTENT_TYPE, type Representation } from './negotiate.ts'
import { type View, type ViewOptions, viewOf } from './view.ts'

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

export function sendItem(output: Output, status: number, kind: Kind, item: Item): void {
  const view = viewOf(kind, output.representation, output.view)
  sendView(output, status, view, view.item(item))
}

/** An object that is kept nowhere: a scale, a review, a Status. */
export function sendObject(output: Output, status: number, object: object): void {
  const view = viewOf(undefined, output.representation, output.view)
  sendView(output, status, view, view.object(object))
}

export async function sendList(output: Output, page: ListPage): Promise<void> {
  const { exchange, context } = output
  const view = viewOf(page.kind, output.representation, output.view)
  const list = view.list(page)
  if (
    output.representation.media === 'yaml' ||
    output.pretty ||
    list.bytes === undefined ||
    list.bytes <= WHOLE_BYTES
  ) {
    return sendView(output, 200, view, Buffer.concat([...list.parts()]))
  }
  return sendParts(exchange, 200, context.headers(view.contentType), list.bytes, list.parts())
}

function sendView(output: Output, status: number, view: View, bytes: Buffer): void {
  const { exchange, representation, context } = output
  if (representation.media === 'yaml') {
    sendBytes(exchange, status, context.headers(CONTENT_TYPE.yaml), yamlOf(bytes))
    return
  }
  const isPretty = output.pretty && representation.media === 'json'
  const body = isPretty
    ? Buffer.from(`${JSON.stringify(JSON.parse(bytes.toString('utf8')), null, 2)}\n`)
    : bytes
  sendBytes(exchange, status, context.headers(view.contentType), body)
}
