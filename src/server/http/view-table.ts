import { tableColumns, tableRow, tableRowConditions } from '../../api/index.ts'
import { apiVersionOf, type Kind } from '../../schema/index.ts'
import type { Item } from '../registry/item.ts'
import { listMeta, slices, type View, type ViewOptions } from './view.ts'
import { bookmarkObject, jsonEvent } from './view-json.ts'

const HEAD = { kind: 'Table', apiVersion: 'meta.k8s.io/v1' } as const

/** Rows for people, with the kind's own columns. */
export function tableView(kind: Kind, options: ViewOptions): View {
  const columns = tableColumns(kind)
  const row = (item: Item) => rowBytes(kind, item, options)
  const whole = (metadata: object, columnDefinitions: readonly object[], rows: Iterable<Buffer>) =>
    Buffer.concat([...pieces(metadata, columnDefinitions, rows)])
  const single = (item: Item, definitions: readonly object[]) =>
    whole({ resourceVersion: item.object.metadata.resourceVersion }, definitions, [row(item)])
  return {
    contentType: 'application/json',
    item: (item) => single(item, columns),
    *list(page) {
      yield
      return {
        bytes: undefined,
        parts: () => slices(pieces(listMeta(page), columns, mapped(page.items, row))),
      }
    },
    watch: () => ({
      contentType: 'application/json',
      // Ages differ from second to second: frames are shared by those who are told at the same time.
      key: `table ${apiVersionOf(kind.resource)} ${options.includeObject}`,
      event: (signal, isFirst) =>
        Buffer.concat([
          Buffer.from(`{"type":"${signal.type}","object":`),
          single(signal.item, isFirst ? columns : []),
          Buffer.from('}\n'),
        ]),
      firstDiffers: true,
      bookmark: (revision, end) => {
        const object = bookmarkObject('PartialObjectMetadata', 'meta.k8s.io/v1', revision, end)
        return jsonEvent('BOOKMARK', {
          ...HEAD,
          metadata: { resourceVersion: String(revision) },
          columnDefinitions: [],
          rows: [{ cells: [], object }],
        })
      },
      error: (error) => jsonEvent('ERROR', error.status),
    }),
  }
}

function* pieces(
  metadata: object,
  columnDefinitions: readonly object[],
  rows: Iterable<Buffer>,
): Generator<Buffer> {
  const head = JSON.stringify({ ...HEAD, metadata, columnDefinitions }).slice(0, -1)
  yield Buffer.from(`${head},"rows":[`)
  let isFirst = true
  for (const row of rows) {
    if (!isFirst) yield COMMA
    yield row
    isFirst = false
  }
  yield TAIL
}

/** Rows are made as they are sent: thousands of them take a while. */
function* mapped<T>(items: Iterable<T>, to: (item: T) => Buffer): Generator<Buffer> {
  for (const item of items) yield to(item)
}

const COMMA = Buffer.from(',')
const TAIL = Buffer.from(']}')

function rowBytes(kind: Kind, item: Item, options: ViewOptions): Buffer {
  const cells = tableRow(kind, item.object, options.nowMs())
  const conditions = tableRowConditions(kind, item.object)
  const head = JSON.stringify({ cells, ...(conditions.length > 0 ? { conditions } : {}) })
  if (options.includeObject === 'None') return Buffer.from(head)
  const object =
    options.includeObject === 'Object'
      ? item.json.toString('utf8')
      : JSON.stringify({
          kind: 'PartialObjectMetadata',
          apiVersion: 'meta.k8s.io/v1',
          metadata: item.object.metadata,
        })
  return Buffer.from(`${head.slice(0, -1)},"object":${object}}`)
}
