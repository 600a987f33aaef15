import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { Duplex } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { type CriClient, criClient } from '../cri/index.ts'
import { criRuntime } from '../runtime/cri-runtime.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID } from '../spec/labels.ts'
import { startContainerd, type TestContainerd, whyNoContainers } from '../testing/containerd.ts'
import { BUSYBOX_IMAGE } from '../testing/image-archive.ts'
import { pod } from '../testing/pods.ts'
import { SpdyConnection } from './spdy/connection.ts'
import { StreamServer } from './streaming.test-support.ts'

const skip = whyNoContainers() ?? false
const EXEC = '/exec/default/web/a?output=1&error=1'
const ALL = ['error', 'stdout', 'stderr']

describe('streams of real containers', { skip, timeout: 120_000 }, () => {
  let containerd: TestContainerd
  let client: CriClient
  let runtime: Runtime
  let server: StreamServer

  const spec = pod({
    containers: [{ name: 'a' }, { name: 'shell', tty: true, stdin: true }, { name: 'reader', stdin: true }],
  })

  before(async () => {
    containerd = await startContainerd()
    client = criClient(containerd.socket, systemClock())
    runtime = criRuntime(client)
    const labels = { [POD_UID]: 'uid-1', [POD_NAME]: 'web', [POD_NAMESPACE]: 'default' }
    const sandbox = {
      metadata: { name: 'web', uid: 'uid-1', namespace: 'default', attempt: 0 },
      hostname: 'web',
      logDirectory: `${containerd.dir}/logs`,
      labels,
      linux: { cgroupParent: `/${containerd.dir.split('/').at(-1)}` },
    }
    const sandboxId = await runtime.runSandbox(sandbox)
    const start = async (name: string, script: string, more = {}) => {
      const config = {
        metadata: { name, attempt: 0 },
        image: { image: BUSYBOX_IMAGE },
        command: ['sh', '-c', script],
        labels: { ...labels, [CONTAINER_NAME]: name },
        logPath: `${name}.log`,
        ...more,
      }
      await runtime.start(await runtime.create(sandboxId, config, sandbox))
    }
    await start(
      'a',
      'httpd -p 8080 -h /bin; while true; do nc -l -p 7 -e /bin/sh -c "busybox wc -c > /tmp/n; sleep 1; cat /tmp/n"; done',
    )
    await start('shell', 'exec sh', { tty: true, stdin: true })
    await start('reader', 'while read l; do echo "got $l"; done; sleep 100000', { stdin: true })
    const observed = await runtime.observePod('uid-1')
    const find = (namespace: string, name: string) =>
      namespace === 'default' && name === 'web' ? { pod: spec, observed } : undefined
    server = await StreamServer.start({ find }, runtime)
  })

  after(async () => {
    await server?.close()
    client?.close()
    await containerd?.close()
  })

  const script = (text: string) => `&command=sh&command=-c&command=${encodeURIComponent(text)}`

  test('SPDY: output, errors and the exit code of a command', async () => {
    const exec = await server.spdyExec(`${EXEC}${script('echo out; echo err >&2; exit 7')}`, ALL)
    assert.equal(await exec.output(), 'out\n')
    assert.equal(await exec.output('stderr'), 'err\n')
    const status = await exec.status()
    assert.deepEqual([status.reason, status.details?.causes[0]?.message], ['NonZeroExitCode', '7'])
  })

  test('WebSocket: output, errors and the exit code of a command', async () => {
    const exec = await server.webSocket(`${EXEC}${script('echo out; echo err >&2; exit 7')}`, [
      'v5.channel.k8s.io',
    ])
    const status = await exec.status()
    assert.deepEqual([exec.text(1), exec.text(2)], ['out\n', 'err\n'])
    assert.equal(status.details?.causes[0]?.message, '7')
    assert.equal(await exec.closed, 1000)
  })

  test('SPDY: a command that writes its input to a file gets all of it, and ends with it', async () => {
    const path = `${EXEC}&input=1${script('cat > /tmp/spdy')}`
    const exec = await server.spdyExec(path, [...ALL, 'stdin'])
    const sent = randomBytes(3_000_000)
    exec.streams.stdin!.end(sent)
    assert.equal((await exec.status()).status, 'Success')
    const back = await server.spdyExec(`${EXEC}&command=cat&command=/tmp/spdy`, ALL)
    assert.equal(digest(await back.bytes()), digest(sent))
    back.connection.destroy()
  })

  test('WebSocket: a command that writes its input to a file gets all of it, and ends with it', async () => {
    const exec = await server.webSocket(`${EXEC}&input=1${script('cat > /tmp/ws')}`, ['v5.channel.k8s.io'])
    const sent = randomBytes(3_000_000)
    for (let at = 0; at < sent.length; at += 30_000) await exec.send(0, sent.subarray(at, at + 30_000))
    await exec.send(255, Buffer.from([0]))
    assert.equal((await exec.status()).status, 'Success')
    const back = await server.webSocket(`${EXEC}&command=cat&command=/tmp/ws`, ['v4.channel.k8s.io'])
    await back.closed
    assert.equal(digest(back.bytes(1)), digest(sent))
  })

  test('input and output flow at once, and output goes on after the end of the input', async () => {
    const path = `${EXEC}&input=1${script('cat; echo; echo after')}`
    const exec = await server.spdyExec(path, [...ALL, 'stdin'])
    const sent = randomBytes(500_000).toString('hex')
    exec.streams.stdin!.end(sent)
    assert.equal(await exec.output(), `${sent}\nafter\n`)
    exec.connection.destroy()
  })

  test('a client that does not read stops the command, and nothing piles up', async () => {
    const exec = await server.webSocket(`${EXEC}${script('cat /dev/zero')}`, ['v5.channel.k8s.io'])
    const used = process.memoryUsage().rss
    exec.ws.pause()
    // How much the command has written, which stands still once nobody takes more.
    const { containers } = await runtime.observePod('uid-1')
    const { id } = containers.find((c) => c.name === 'a')!
    const written = async () => {
      const { stdout } = await runtime.exec(id, [
        'sh',
        '-c',
        'for p in /proc/[0-9]*; do test "$(busybox tr "\\0" " " < $p/cmdline)" = "cat /dev/zero " && grep wchar $p/io; done',
      ])
      return stdout.match(/wchar: (\d+)/)?.[1]
    }
    let before: string | undefined
    await eventually('a standstill', async () => {
      const [last, now] = [before, await written()]
      before = now
      return now !== undefined && now === last
    })
    assert.ok(Number(before) < 50_000_000, `${before} bytes were written`)
    assert.ok(process.memoryUsage().rss - used < 100_000_000)
    exec.ws.terminate()
    await exec.closed
  })

  test('a command whose client is gone goes on to its end', async () => {
    for (const kind of ['ws', 'spdy']) {
      const path = `${EXEC}${script(`head -c 3000000 /dev/zero; echo > /tmp/${kind}-done`)}`
      if (kind === 'ws') {
        const exec = await server.webSocket(path, ['v5.channel.k8s.io'])
        await eventually('some output', () => exec.bytes(1).length > 0)
        exec.ws.terminate()
      } else {
        const exec = await server.spdyExec(path, ALL)
        await new Promise((resolve) => exec.streams.stdout!.once('data', resolve))
        exec.connection.destroy()
      }
      const { containers } = await runtime.observePod('uid-1')
      const { id } = containers.find((c) => c.name === 'a')!
      const file = `/tmp/${kind}-done`
      await eventually('its end', async () => (await runtime.exec(id, ['cat', file])).exitCode === 0)
    }
  })

  test('a terminal has its size from the start, and follows changes', async () => {
    const path = `/exec/default/web/a?output=1&input=1&tty=1${script('stty size; while read x; do stty size; done')}`
    const exec = await server.webSocket(path.replaceAll('stty', 'busybox%20stty'), ['v5.channel.k8s.io'])
    await exec.send(4, '{"Width":91,"Height":33}')
    await eventually('the first size', () => exec.text(1).includes('33 91'))
    await exec.send(4, '{"Width":132,"Height":43}\n')
    await eventually('the second size', async () => {
      await exec.send(0, '\n')
      return exec.text(1).includes('43 132')
    })
    // Control-D at the start of a line.
    await exec.send(0, '\x04')
    assert.equal((await exec.status()).status, 'Success')
  })

  test('older clients: base64 channels, and failures in words', async () => {
    const encoded = await server.webSocket(`${EXEC}${script('echo hi')}`, ['v4.base64.channel.k8s.io'])
    assert.equal((await encoded.status()).status, 'Success')
    assert.equal(encoded.text(1), 'hi\n')
    const first = await server.webSocket(`${EXEC}${script('exit 3')}`, [])
    await first.closed
    assert.match(first.text(3), /^command terminated with non-zero exit code: exit code 3$/)
  })

  test('what cannot be streamed is refused in words', async () => {
    const exec = (path: string) => server.webSocket(path, ['v5.channel.k8s.io'])
    await assert.rejects(exec('/exec/default/gone/a?output=1&command=ls'), /404: pod "default\/gone"/)
    await assert.rejects(exec('/exec/default/web/b?output=1&command=ls'), /500: container not found \("b"\)/)
    await assert.rejects(exec('/exec/default/web/a?command=ls'), /400: you must specify at least 1/)
    await assert.rejects(server.webSocket(`${EXEC}&command=ls`, ['chat']), /400: cannot agree/)
    await assert.rejects(server.spdy(`${EXEC}&command=ls`, ['v9.channel.k8s.io']), /403: unable to upgrade/)
    const older = await server.spdyExec(`${EXEC}&command=nosuchcommand`, ALL)
    assert.equal(await older.output(), '')
    assert.match((await older.status()).message ?? '', /executable file not found/)
    const missing = await exec(`${EXEC}&command=nosuchcommand`)
    assert.match((await missing.status()).message ?? '', /nosuchcommand.*executable file not found/)
  })

  test('attach: both protocols reach the first process of a container', async () => {
    const spdy = await server.spdyExec('/attach/default/web/reader?input=1&output=1', [
      'error',
      'stdin',
      'stdout',
    ])
    const seen: Buffer[] = []
    spdy.streams.stdout!.on('data', (chunk) => seen.push(chunk))
    spdy.streams.stdin!.write('one\n')
    await eventually('an answer', () => Buffer.concat(seen).toString().includes('got one'))
    spdy.connection.destroy()
    const ws = await server.webSocket('/attach/default/web/shell?input=1&output=1&error=1', [
      'v5.channel.k8s.io',
    ])
    await ws.send(0, 'echo $((40+2))\n')
    await eventually('an answer', () => ws.text(1).includes('\r\n42\r\n'))
    ws.ws.terminate()
  })

  /** One request through a forwarded port, over an open SPDY connection. */
  async function fetchThrough(spdy: SpdyConnection, port: number, id: number): Promise<[Buffer, string]> {
    const headers = { port: [String(port)], requestid: [String(id)] }
    const error = spdy.open({ streamtype: ['error'], ...headers })
    error.end()
    const data = spdy.open({ streamtype: ['data'], ...headers })
    const [body, failure] = [collected(data), collected(error)]
    data.write('GET /busybox HTTP/1.0\r\n\r\n')
    const answer: [Buffer, string] = [await body, (await failure).toString()]
    data.end()
    return answer
  }

  test('port-forward: many connections at once over SPDY and through WebSocket, errors by connection', async () => {
    const { socket, protocol } = await server.spdy('/portForward/default/web', ['portforward.k8s.io'])
    assert.equal(protocol, 'portforward.k8s.io')
    const tunnel = await server.tunnel('/portForward/default/web')
    assert.equal(tunnel.protocol, 'SPDY/3.1+portforward.k8s.io')
    for (const bytes of [socket, tunnel.socket]) {
      const spdy = new SpdyConnection(bytes, { role: 'client' })
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => fetchThrough(spdy, 8080, i)))
      const digests = new Set(answers.map(([body]) => digest(body.subarray(body.indexOf('\r\n\r\n')))))
      assert.equal(digests.size, 1)
      assert.ok(answers[0]![0].length > 500_000)
      assert.match((await fetchThrough(spdy, 9, 100))[1], /connection refused/)
      assert.ok((await fetchThrough(spdy, 8080, 101))[0].length > 500_000)
      spdy.destroy()
    }
  })

  test('port-forward: the end of one direction is handed on, and the other goes on', async () => {
    const { socket } = await server.spdy('/portForward/default/web', ['portforward.k8s.io'])
    const spdy = new SpdyConnection(socket, { role: 'client' })
    const headers = { port: ['7'], requestid: ['1'] }
    spdy.open({ streamtype: ['error'], ...headers }).end()
    const data = spdy.open({ streamtype: ['data'], ...headers })
    const body = collected(data)
    const sent = randomBytes(2_000_000)
    data.end(sent)
    // It answers only after the end of what it is sent, and takes its time.
    assert.equal((await body).toString(), `${sent.length}\n`)
    spdy.destroy()
  })

  test('port-forward: by channels, as browsers do', async () => {
    const ws = await server.webSocket('/portForward/default/web?port=8080&port=9', ['v4.channel.k8s.io'])
    await eventually('the ports', () => ws.bytes(0).length >= 2 && ws.bytes(3).length >= 2)
    assert.deepEqual([ws.bytes(0).readUInt16LE(0), ws.bytes(3).readUInt16LE(0)], [8080, 9])
    await ws.send(0, 'GET /busybox HTTP/1.0\r\n\r\n')
    await eventually('the answer', () => ws.bytes(0).length > 500_000)
    await eventually('the error', () => /connection refused/.test(ws.text(3)))
    ws.ws.terminate()
  })

  test('nothing is left of streams that ended: no files, and no processes in the runtime', async () => {
    const exec = await server.webSocket(`${EXEC}&input=1&command=cat`, ['v5.channel.k8s.io'])
    exec.ws.terminate()
    await exec.closed
    await eventually(
      'no pipes',
      async () => !(await readdir(tmpdir())).some((f) => f.startsWith('dhow-exec-')),
    )
    const { containers } = await runtime.observePod('uid-1')
    const { id } = containers.find((c) => c.name === 'a')!
    await eventually('the end of cat', async () => {
      const { stdout } = await runtime.exec(id, ['busybox', 'ps'])
      return !/ cat$/m.test(stdout)
    })
  })

  test('an agent that stops says so to clients that wait', async () => {
    const [ws, spdy] = await Promise.all([
      server.webSocket(`${EXEC}&command=sleep&command=1000`, ['v5.channel.k8s.io']),
      server.spdyExec(`${EXEC}&command=sleep&command=1000`, ALL),
    ])
    const said = spdy.output('error')
    // The stop must find the commands running.
    const { containers } = await runtime.observePod('uid-1')
    const { id } = containers.find((c) => c.name === 'a')!
    await eventually('two commands', async () => {
      const { stdout } = await runtime.exec(id, ['busybox', 'ps'])
      return stdout.match(/sleep 1000$/gm)?.length === 2
    })
    await server.stopStreams()
    assert.match(await said, /the node agent is stopping/)
    assert.match((await ws.status()).message ?? '', /the node agent is stopping/)
    assert.equal(await ws.closed, 1001)
    spdy.connection.destroy()
  })
})

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

function collected(stream: Duplex): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const done = () => resolve(Buffer.concat(chunks))
    stream
      .on('data', (chunk) => chunks.push(chunk))
      .once('end', done)
      .once('close', done)
  })
}
