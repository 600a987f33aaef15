import assert from 'node:assert/strict'
import { type Duplex, duplexPair } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { nextTurn } from '../../../base/index.ts'
import { eventually } from '../../../client/testing/index.ts'
import { SpdyConnection, type SpdyStream } from './connection.ts'
import { encodeFrame, FrameReader } from './frames.ts'
import { HeaderWriter } from './headers.ts'

/** All that comes; unlike a loop over the stream it leaves our side open. */
function buffer(stream: Duplex): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk) => chunks.push(chunk)).once('end', () => resolve(Buffer.concat(chunks)))
  })
}

const text = async (stream: Duplex) => (await buffer(stream)).toString()

function pair(onStream: (stream: SpdyStream) => void) {
  const [a, b] = duplexPair() as [Duplex, Duplex]
  const client = new SpdyConnection(a, { role: 'client' })
  const server = new SpdyConnection(b, { role: 'server', onStream })
  return { client, server }
}

test('streams open with their headers, carry bytes both ways, and end each side by itself', async () => {
  const { client } = pair((stream) => {
    void (async () => {
      const said = await text(stream)
      stream.end(`${stream.headers.streamtype}:${said}`)
    })()
  })
  const [one, two] = ['one', 'two'].map((t) => client.open({ streamtype: [t] }))
  one!.end('a')
  two!.write('b')
  two!.end('c')
  assert.deepEqual(await Promise.all([text(one!), text(two!)]), ['one:a', 'two:bc'])
  client.destroy()
})

test('whatever is written arrives, whole and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 4 }), {
        minLength: 1,
        maxLength: 4,
      }),
      async (streams) => {
        const { client } = pair((stream) => void stream.pipe(stream))
        const sent = streams.map((sizes, i) =>
          Buffer.concat(sizes.map((n, j) => Buffer.alloc(n, i * 16 + j))),
        )
        const got = await Promise.all(
          sent.map((bytes) => {
            const stream = client.open({ streamtype: ['echo'] })
            stream.end(bytes)
            return buffer(stream)
          }),
        )
        for (const [i, bytes] of got.entries()) assert.ok(bytes.equals(sent[i]!))
        client.destroy()
      },
    ),
    { numRuns: 30 },
  )
})

test('a reader that does not read stops the writer', async () => {
  const { client } = pair(() => {})
  const stream = client.open({})
  const chunk = Buffer.alloc(64 * 1024)
  let written = 0
  stream.on('error', () => {})
  const write = () => {
    stream.write(chunk, (error) => {
      if (error) return
      written++
      write()
    })
  }
  write()
  let before = -1
  await eventually('a standstill', async () => {
    const same = before === written
    before = written
    for (let i = 0; i < 50; i++) await nextTurn()
    return same
  })
  assert.ok(written < 20, `${written} chunks were taken`)
  client.destroy()
})

test('what came before a reset can be read, and what is written after it goes nowhere', async () => {
  const opened = Promise.withResolvers<SpdyStream>()
  const { client } = pair(opened.resolve)
  const stream = client.open({})
  const other = await opened.promise
  await new Promise((resolve) => other.write('last words', resolve))
  other.destroy()
  assert.equal(await text(stream), 'last words')
  assert.equal(stream.resetStatus, 5)
  stream.write('anybody?')
  client.destroy()
})

test('a lost connection breaks what is open, and leaves what had ended readable', async () => {
  const streams: SpdyStream[] = []
  const { client, server } = pair((stream) => streams.push(stream))
  const [done, open] = [client.open({}), client.open({})]
  await eventually('both streams', () => streams.length === 2)
  streams[0]!.end('whole')
  await eventually('the end of the first', () => done!.remoteDone)
  const failed = new Promise((resolve) => open!.once('close', resolve))
  server.destroy()
  await client.closed
  assert.equal(await text(done!), 'whole')
  await failed
  assert.match(String(open!.errored), /the connection was lost/)
})

test('pings are answered, and streams that nobody expects are refused', async () => {
  const [a, b] = duplexPair() as [Duplex, Duplex]
  const client = new SpdyConnection(a, { role: 'client' })
  const seen: string[] = []
  const frames = new FrameReader()
  b.on('data', (chunk) => {
    for (const frame of frames.read(chunk)) seen.push(JSON.stringify(frame))
  })
  b.write(encodeFrame({ type: 'ping', id: 2 }))
  b.write(encodeFrame({ type: 'ping', id: 1 }))
  b.write(encodeFrame({ type: 'settings', entries: [] }))
  const syn = { associated: 0, priority: 0, fin: false, unidirectional: false }
  b.write(encodeFrame({ type: 'synStream', id: 2, ...syn, block: new HeaderWriter().write({}) }))
  await eventually('two answers', () => seen.length === 2)
  assert.deepEqual(seen, ['{"type":"ping","id":2}', '{"type":"rst","id":2,"status":3}'])
  client.destroy()
})

for (const [what, frame, message] of [
  ['an id of the wrong side', { id: 2 }, /cannot open stream 2/],
  ['no id', { id: 0 }, /cannot open stream 0/],
  ['headers that are none', { id: 1, block: Buffer.from('junk!!') }, /cannot read a header block/],
] as const) {
  test(`a stream with ${what} ends the connection`, async () => {
    const [a, b] = duplexPair() as [Duplex, Duplex]
    const server = new SpdyConnection(b, { role: 'server', onStream: () => {} })
    const syn = {
      associated: 0,
      priority: 0,
      fin: false,
      unidirectional: false,
      block: new HeaderWriter().write({}),
    }
    a.write(encodeFrame({ type: 'synStream', ...syn, ...frame }))
    assert.match(String(await server.closed), message)
  })
}

test('a side that opens streams without end is refused at a thousand', async () => {
  let opened = 0
  const [a, b] = duplexPair() as [Duplex, Duplex]
  const client = new SpdyConnection(a, { role: 'client' })
  const server = new SpdyConnection(b, {
    role: 'server',
    onStream() {
      opened++
    },
  })
  const streams = Array.from({ length: 1010 }, () => client.open({}))
  await eventually('the last to be refused', () => streams.at(-1)!.resetStatus === 3)
  assert.equal(opened, 1000)
  client.destroy()
  await server.closed
})
