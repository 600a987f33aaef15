import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { beforeEach, test } from 'node:test'
import type { ApiError } from '../../api/index.ts'
import {
  type Asked,
  appPort,
  appServer,
  kubelet,
  openStream,
  plain,
  putNode,
  putPod,
  readAll,
  refusal,
  SWITCH,
} from './proxy.test-support.ts'

beforeEach(() => {
  putNode('n1', kubelet.port)
  putPod('web')
})

test('exec is a tunnel: the node’s head, then bytes both ways, each side’s end handed on alone', async () => {
  kubelet.seen.length = 0
  kubelet.upgrade = (_req, socket, head) => {
    socket.write(`${SWITCH}greeting;`)
    const chunks = [head]
    socket.on('data', (chunk) => chunks.push(chunk))
    // The answer is sent only after the client has ended its side: `cat f | kubectl exec -i`.
    socket.on('end', () => socket.end(`got ${Buffer.concat(chunks)}`))
  }
  const { client, done } = await openStream(
    {
      subresource: 'exec',
      method: 'POST',
      query: 'stdin=true&stdout=true&stderr=true&tty=false&command=sh&command=-c&command=a%20b',
    },
    Buffer.from('early '),
  )
  client.end('late')
  assert.equal(await text(client), `${SWITCH}greeting;got early late`)
  await done
  const [seen] = kubelet.seen
  assert.equal(seen?.path, '/exec/shop/web/c?input=1&output=1&error=1&command=sh&command=-c&command=a+b')
  assert.equal(seen?.headers['x-stream-protocol-version'], 'v5.channel.k8s.io, v4.channel.k8s.io')
  assert.equal(seen?.headers.authorization, undefined)
})

test('the node may end first, and the client still sends', async () => {
  const received = Promise.withResolvers<string>()
  kubelet.upgrade = (_req, socket) => {
    socket.end(SWITCH)
    readAll(socket).then(received.resolve, received.reject)
  }
  const { client, done } = await openStream({ subresource: 'attach', query: 'stdin=1&stdout=1' })
  assert.equal(await readAll(client), SWITCH)
  client.end('after the end')
  assert.equal(await received.promise, 'after the end')
  await done
})

test('a side that breaks takes the other along', async () => {
  const closed = Promise.withResolvers<void>()
  kubelet.upgrade = (_req, socket) => {
    socket.write(SWITCH)
    socket.once('close', () => closed.resolve())
    socket.resume()
  }
  const { client, done } = await openStream({ subresource: 'portforward', query: 'ports=80,8080' })
  await once(client, 'data')
  client.resetAndDestroy()
  await closed.promise
  await done
  assert.match(kubelet.seen.at(-1)?.path ?? '', /^\/portForward\/shop\/web\?port=80&port=8080$/)
})

test('a slow reader slows the node down instead of filling memory', async () => {
  const CHUNK = Buffer.alloc(64 * 1024)
  let written = 0
  let paused = Promise.withResolvers<void>()
  kubelet.upgrade = (_req, socket) => {
    socket.write(SWITCH)
    const fill = () => {
      while (written < 2000 * CHUNK.length) {
        written += CHUNK.length
        if (!socket.write(CHUNK)) {
          socket.once('drain', fill)
          paused.resolve()
          return
        }
      }
      socket.end()
    }
    fill()
  }
  const { client, done } = await openStream({ subresource: 'exec', query: 'stdout=1&command=yes' })
  await paused.promise
  // Wait until nothing moves any more.
  for (let before = -1; before !== written; ) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`)
  let size = -SWITCH.length
  for await (const chunk of client) size += chunk.length
  assert.equal(size, 2000 * CHUNK.length)
  client.end()
  await done
  paused = Promise.withResolvers()
})

test('a refused upgrade is an error, and the client’s bytes never reach the node', async () => {
  let received = 0
  kubelet.upgrade = (_req, socket, head) => {
    received += head.length
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot there')
  }
  const smuggled = Buffer.from('GET /pods HTTP/1.1\r\nHost: x\r\n\r\n')
  const { client, done } = await openStream({ subresource: 'exec', query: 'stdout=1&command=sh' }, smuggled)
  client.write(smuggled)
  await assert.rejects(done, refusal(/^not there$/, 404))
  assert.equal(received, 0)
})

test('streams that cannot be opened say why', async () => {
  putPod('done', { status: { phase: 'Succeeded' } })
  putPod('pending', { spec: { nodeName: undefined } })
  const cases: [Asked, RegExp][] = [
    [{ subresource: 'exec', query: 'command=sh' }, /at least one of stdin, stdout and stderr/],
    [{ subresource: 'exec', query: 'stdout=1' }, /expected a command/],
    [
      { subresource: 'exec', name: 'done', query: 'stdout=1&command=sh' },
      /completed pod; current phase is Succeeded/,
    ],
    [
      { subresource: 'exec', name: 'pending', query: 'stdout=1&command=sh' },
      /pod pending does not have a host assigned/,
    ],
    [{ subresource: 'portforward', query: 'ports=http' }, /expected a number from 1 to 65535/],
    [{ subresource: 'exec', name: '..', query: 'stdout=1&command=sh' }, /not found/],
  ]
  for (const [asked, pattern] of cases) {
    const { done } = await openStream(asked)
    await assert.rejects(done, (error) => pattern.test((error as ApiError).message), JSON.stringify(asked))
  }
  await assert.rejects(
    plain({ subresource: 'exec', query: 'stdout=1&command=sh' }),
    refusal(/expected a request to upgrade/, 400),
  )
})

test('a proxied web socket is a tunnel too; one that is refused is answered and ended', async () => {
  appServer.once('upgrade', (_req: IncomingMessage, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.pipe(socket)
  })
  const headers = { connection: 'Upgrade', upgrade: 'websocket' }
  const asked = {
    resource: 'nodes',
    name: `http:n1:${appPort}`,
    subresource: 'proxy',
    proxyPath: '/ws',
    headers,
  }
  const { client, done } = await openStream(asked)
  client.write('echo')
  let seen = ''
  for await (const chunk of client) {
    seen += chunk
    if (seen.endsWith('echo')) break
  }
  assert.match(seen, /^HTTP\/1.1 101 .*\r\n\r\necho$/s)
  client.destroy()
  await done
  // Without an upgrade handler the app answers as to an ordinary request.
  const second = await openStream({ ...asked, proxyPath: '/plain' })
  assert.match(await text(second.client), /^HTTP\/1.1 200 OK\r\n.*connection: close\r\n/s)
  second.client.end()
  await second.done
})
