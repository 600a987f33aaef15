import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ConfigMap, PartialObjectMetadata } from '../../api/index.ts'
import { decodeProtobuf, type StructType } from '../../schema/index.ts'
import { type Answer, type PlainServer, plainServer } from './plain.test-support.ts'

/** One watch in every form that clients ask for: kubectl tables, client-go protobuf, its metadata caches a part. */

const MAPS = '/api/v1/namespaces/default/configmaps'
const FROM_STATE = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
const INITIAL_END = 'k8s.io/initial-events-end'

interface Told {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever kind it is
  readonly object: any
}

let plain: PlainServer
before(async () => {
  plain = await plainServer()
  const metadata = { name: 'seen', labels: { a: 'b' } }
  await plain.send('POST', MAPS, { kind: 'ConfigMap', apiVersion: 'v1', metadata, data: { k: 'v' } })
})
after(() => plain.close())

function lines({ text }: Answer): Told[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** The fields of a message that has only texts, bytes and messages shorter than 2 MiB. */
function fieldsOf(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>()
  for (let at = 0; at < bytes.length; ) {
    const number = bytes[at++]! >> 3
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      length |= (byte & 127) << shift
      if (byte < 128) break
    }
    fields.set(number, bytes.subarray(at, at + length))
    at += length
  }
  return fields
}

function frames({ bytes }: Answer, type: StructType): Told[] {
  const told: Told[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    const event = fieldsOf(bytes.subarray(at + 4, end))
    const raw = fieldsOf(event.get(2)!).get(1)!
    told.push({ type: event.get(1)!.toString(), object: decodeProtobuf(type, raw) })
    at = end
  }
  return told
}

const AS_PART = 'as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const forms: [string, string, (answer: Answer) => Told[], string, string][] = [
  ['application/json', 'application/json', lines, 'v1', 'ConfigMap'],
  [
    `${PROTOBUF};stream=watch`,
    `${PROTOBUF};stream=watch`,
    (answer) => frames(answer, ConfigMap as unknown as StructType),
    'v1',
    'ConfigMap',
  ],
  [`application/json;${AS_PART}`, 'application/json', lines, 'meta.k8s.io/v1', 'PartialObjectMetadata'],
  [
    `${PROTOBUF};${AS_PART}`,
    `${PROTOBUF};stream=watch`,
    (answer) => frames(answer, PartialObjectMetadata as unknown as StructType),
    'meta.k8s.io/v1',
    'PartialObjectMetadata',
  ],
]

const ask = (accept: string) =>
  plain.send('GET', `${MAPS}?watch=true&${FROM_STATE}&timeoutSeconds=1`, undefined, { accept })

describe('a watch of the state tells it and that this was all of it', { concurrency: true }, () => {
  for (const [accept, contentType, read, apiVersion, kind] of forms) {
    test(`as ${accept}`, async () => {
      const answer = await ask(accept)
      assert.equal(answer.headers['content-type'], contentType)
      const told = read(answer)
      assert.deepEqual(
        told.slice(0, 2).map((e) => [e.type, e.object.apiVersion, e.object.kind]),
        ['ADDED', 'BOOKMARK'].map((type) => [type, apiVersion, kind]),
      )
      const [{ object }, { object: end }] = told as [Told, Told]
      assert.deepEqual([object.metadata.name, object.metadata.labels], ['seen', { a: 'b' }])
      assert.equal('data' in object, kind === 'ConfigMap')
      assert.equal(end.metadata.annotations[INITIAL_END], 'true')
      assert.ok(Number(end.metadata.resourceVersion) >= Number(object.metadata.resourceVersion))
    })
  }

  test('as a table, whose bookmark is a row without cells', async () => {
    const [added, end] = lines(await ask('application/json;as=Table;g=meta.k8s.io;v=v1'))
    assert.deepEqual(
      [added?.type, added?.object.kind, added?.object.rows[0].cells[0]],
      ['ADDED', 'Table', 'seen'],
    )
    assert.deepEqual([end?.type, end?.object.kind, end?.object.rows[0].cells], ['BOOKMARK', 'Table', []])
    assert.equal(end?.object.rows[0].object.metadata.annotations[INITIAL_END], 'true')
    assert.equal(end?.object.rows[0].object.metadata.resourceVersion, end?.object.metadata.resourceVersion)
  })
})
