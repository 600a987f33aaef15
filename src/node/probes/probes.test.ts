import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer as createTcpServer } from 'node:net'
import { test } from 'node:test'
import type { Container } from '../../api/index.ts'
import { seededRandom, systemClock, VirtualClock } from '../../base/index.ts'
import { decode, encode, int, message, str } from '../cri/index.ts'
import { ExecTimeoutError } from '../runtime/runtime.ts'
import { NOW, pod, seen } from '../testing/pods.ts'
import { probe } from './actions.ts'
import { begin, count } from './count.ts'
import { Probes } from './probes.ts'

const run = (
  results: readonly ('success' | 'failure' | 'unknown')[],
  thresholds = { successes: 1, failures: 3 },
  from: 'success' | 'unknown' = 'unknown',
) => results.reduce((c, r) => count(c, r, thresholds), begin(from)).verdict

for (const [results, thresholds, expected] of [
  [[], undefined, 'unknown'],
  [['success'], undefined, 'success'],
  [['failure', 'failure'], undefined, 'unknown'],
  [['failure', 'failure', 'failure'], undefined, 'failure'],
  [['failure', 'failure', 'success', 'failure'], undefined, 'success'],
  [['success', 'failure', 'failure', 'failure', 'success'], { successes: 2, failures: 3 }, 'failure'],
  [['success', 'failure', 'unknown', 'failure', 'failure'], undefined, 'failure'],
] as const) {
  test(`counting: ${results.join(', ') || 'nothing'} is ${expected}`, () =>
    assert.equal(run(results, thresholds), expected))
}

const container = {
  name: 'a',
  resources: {},
  ports: [{ name: 'web', containerPort: 1 }],
} as unknown as Container
const target = { container, containerId: 'id', podIP: '127.0.0.1' }
const tools = (
  exec: () => Promise<{ exitCode: number; stdout: string; stderr: string }> = async () => ({
    exitCode: 0,
    stdout: '',
    stderr: '',
  }),
) => ({ runtime: { exec }, clock: systemClock() })
const once = (handler: object, t = tools(), timeoutMs = 10_000) =>
  probe(t, handler, target, timeoutMs, new AbortController().signal)

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return (server.address() as { port: number }).port
}

test('exec probes go by the exit code', async () => {
  assert.equal((await once({ exec: { command: ['x'] } })).result, 'success')
  assert.deepEqual(
    await once(
      { exec: { command: ['x'] } },
      tools(async () => ({ exitCode: 1, stdout: 'out ', stderr: 'err' })),
    ),
    { result: 'failure', output: 'out err' },
  )
  const late = await once(
    { exec: { command: ['x'] } },
    tools(async () => Promise.reject(new ExecTimeoutError('slow'))),
    1_000,
  )
  assert.deepEqual(late, { result: 'failure', output: 'command timed out: "x" timed out after 1s' })
  assert.equal(
    (
      await once(
        { exec: { command: ['x'] } },
        tools(async () => Promise.reject(new Error('no runtime'))),
      )
    ).result,
    'unknown',
  )
})

test('HTTP probes: statuses, headers, redirects, silence, nobody there', async () => {
  let headers: Record<string, unknown> = {}
  const server = createServer((req, res) => {
    headers = req.headers
    if (req.url === '/ok') res.end('fine')
    else if (req.url === '/sick') res.writeHead(503).end()
    else if (req.url === '/moved') res.writeHead(302, { Location: '/ok' }).end()
    else if (req.url === '/away') res.writeHead(302, { Location: 'http://192.0.2.1/' }).end()
    else if (req.url === '/loop') res.writeHead(302, { Location: '/loop' }).end()
  })
  const port = await listening(server)
  const http = (path: string, more = {}, timeoutMs?: number) =>
    once({ httpGet: { port, path, ...more } }, tools(), timeoutMs)
  assert.deepEqual(
    await http('/ok', {
      httpHeaders: [
        { name: 'Host', value: 'example.com' },
        { name: 'x-a', value: 'b' },
      ],
    }),
    { result: 'success', output: 'fine' },
  )
  assert.equal(headers.host, 'example.com')
  assert.equal(headers['x-a'], 'b')
  assert.match(String(headers['user-agent']), /^kube-probe\//)
  assert.deepEqual(await http('/sick'), {
    result: 'failure',
    output: 'HTTP probe failed with statuscode: 503',
  })
  assert.equal((await http('/moved')).result, 'success')
  assert.equal((await http('/away')).result, 'warning')
  assert.match((await http('/loop')).output, /stopped after 10 redirects/)
  assert.match((await http('/silent', {}, 300)).output, /Client\.Timeout exceeded/)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  assert.equal(
    (await http('/ok')).output,
    `Get "http://127.0.0.1:${port}/ok": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  )
})

test('TCP probes connect; a port may have a name', async () => {
  const server = createTcpServer((s) => s.end())
  const port = await listening(server)
  assert.equal((await once({ tcpSocket: { port } })).result, 'success')
  await new Promise((resolve) => server.close(resolve))
  assert.equal((await once({ tcpSocket: { port } })).result, 'failure')
  assert.match((await once({ tcpSocket: { port: 'none' } })).output, /couldn't find port: none/)
})

test('gRPC probes ask the health service', async () => {
  const Request = message({ service: str(1) })
  const Response = message({ status: int(1) })
  const server = createHttp2Server()
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const chunks: Buffer[] = []
    stream.on('data', (c: Buffer) => chunks.push(c))
    stream.on('end', () => {
      const { service } = decode(Request, Buffer.concat(chunks).subarray(5))
      if (headers[':path'] !== '/grpc.health.v1.Health/Check' || service === 'none') {
        stream.respond(
          { ':status': 200, 'grpc-status': '12', 'grpc-message': 'no%20health' },
          { endStream: true },
        )
        return
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      const body = encode(Response, { status: service === 'sick' ? 2 : 1 })
      const head = Buffer.alloc(5)
      head.writeUInt32BE(body.length, 1)
      stream.end(Buffer.concat([head, body]))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as { port: number }
  assert.equal((await once({ grpc: { port } })).result, 'success')
  assert.match((await once({ grpc: { port, service: 'sick' } })).output, /NOT_SERVING/)
  assert.match((await once({ grpc: { port, service: 'none' } })).output, /does not implement/)
  await new Promise<void>((resolve) => server.close(() => resolve()))
  assert.equal(
    (await once({ grpc: { port } })).output,
    `error: failed to connect service at "127.0.0.1:${port}": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  )
  const silent = createTcpServer((s) => s.resume())
  const deaf = await listening(silent)
  assert.equal(
    (await once({ grpc: { port: deaf } }, tools(), 300)).output,
    'timeout: health rpc did not complete within 1s',
  )
  await new Promise((resolve) => silent.close(resolve))
})

function probes(answers: (command: string, at: number) => boolean) {
  const clock = new VirtualClock(NOW)
  const said: string[] = []
  const asked: string[] = []
  let changes = 0
  const exec = async (_: string, command: readonly string[]) => {
    asked.push(`${command[0]} ${(clock.now() - NOW) / 1000}`)
    return { exitCode: answers(command[0]!, clock.now() - NOW) ? 0 : 1, stdout: 'no', stderr: '' }
  }
  const it = new Probes({
    runtime: { exec },
    clock,
    random: seededRandom(1),
    onChange: () => changes++,
    onUnhealthy: (_, c, reason, m) => said.push(`${c.name} ${reason} ${m}`),
  })
  return { it, clock, said, asked, changes: () => changes }
}

const exec = (name: string, more = {}) => ({ exec: { command: [name] }, ...more })
const started = { startedAt: NOW, createdAt: NOW }

test('the readiness probe begins after its delay, repeats, and turns with its thresholds', async () => {
  const p = pod({
    containers: [
      {
        name: 'a',
        readinessProbe: exec('r', { initialDelaySeconds: 2, periodSeconds: 5, failureThreshold: 2 }),
      },
    ],
  } as never)
  const { it, clock, said, asked } = probes((_, at) => at < 8_000 || at > 18_000)
  const c = seen(p, 'a', 'running', started)
  it.sync(p, p.spec.containers, [c], '10.0.0.1', false)
  assert.deepEqual(it.facts(c), { started: true, ready: false, failed: undefined })
  await clock.advance(2_000)
  assert.equal(it.facts(c).ready, true)
  await clock.advance(10_000)
  assert.equal(it.facts(c).ready, true)
  await clock.advance(5_000)
  assert.equal(it.facts(c).ready, false)
  await clock.advance(5_000)
  assert.equal(it.facts(c).ready, true)
  assert.deepEqual(asked, ['r 2', 'r 7', 'r 12', 'r 17', 'r 22'])
  assert.deepEqual(said, ['a Unhealthy Readiness probe failed: no', 'a Unhealthy Readiness probe failed: no'])
  it.stop()
})

test('a container that is just starting is asked again soon, and nobody complains', async () => {
  const p = pod({ containers: [{ name: 'a', readinessProbe: exec('r', { periodSeconds: 10 }) }] } as never)
  const { it, clock, said } = probes((_, at) => at >= 200)
  const c = seen(p, 'a', 'running', started)
  it.sync(p, p.spec.containers, [c], '10.0.0.1', false)
  await clock.advance(400)
  assert.equal(it.facts(c).ready, true)
  assert.deepEqual(said, [])
  it.stop()
})

test('the other probes wait for the startup probe; three failures in a row of the liveness probe kill', async () => {
  const p = pod({
    containers: [
      {
        name: 'a',
        startupProbe: exec('s', { periodSeconds: 1 }),
        livenessProbe: exec('l', { periodSeconds: 10 }),
      },
    ],
  } as never)
  const { it, clock, asked } = probes((name, at) => name === 's' && at >= 1_000)
  const c = seen(p, 'a', 'running', started)
  it.sync(p, p.spec.containers, [c], '10.0.0.1', false)
  await clock.advance(0)
  assert.equal(it.facts(c).started, false)
  assert.ok(!asked.some((a) => a.startsWith('l')))
  await clock.advance(4_000)
  assert.equal(it.facts(c).started, true)
  await clock.advance(15_000)
  assert.equal(it.facts(c).failed, undefined)
  await clock.advance(10_000)
  assert.equal(it.facts(c).failed, 'liveness')
  assert.equal(asked.filter((a) => a.startsWith('l')).length, 3)
  it.stop()
})

test('a startup probe that fails too often kills', async () => {
  const p = pod({
    containers: [{ name: 'a', startupProbe: exec('s', { periodSeconds: 1, failureThreshold: 2 }) }],
  } as never)
  const { it, clock } = probes(() => false)
  const c = seen(p, 'a', 'running', started)
  it.sync(p, p.spec.containers, [c], '10.0.0.1', false)
  await clock.advance(10_000)
  assert.equal(it.facts(c).failed, 'startup')
  it.stop()
})

test('a container that was ready before the agent started stays ready until a probe says otherwise', async () => {
  const spec = {
    containers: [
      {
        name: 'a',
        startupProbe: exec('s'),
        readinessProbe: exec('r', { periodSeconds: 1, failureThreshold: 2 }),
      },
    ],
  } as never
  const p = pod(spec, {
    status: {
      containerStatuses: [{ name: 'a', containerID: 'containerd://a-0', started: true, ready: true }],
    },
  })
  const { it, clock, asked } = probes(() => false)
  const c = seen(p, 'a', 'running', started)
  it.sync(p, p.spec.containers, [c], '10.0.0.1', false)
  assert.deepEqual(it.facts(c), { started: true, ready: true, failed: undefined })
  await clock.advance(500)
  assert.equal(it.facts(c).ready, true)
  await clock.advance(1_000)
  assert.equal(it.facts(c).ready, false)
  assert.ok(!asked.some((a) => a.startsWith('s')))
  it.stop()
})

test('a pod that is forgotten is asked no more, and others are', async () => {
  const spec = (name: string) =>
    ({ containers: [{ name: 'a', readinessProbe: exec(name, { periodSeconds: 1 }) }] }) as never
  const one = pod(spec('one'))
  const other = pod(spec('other'), { metadata: { uid: 'other' } })
  const { it, clock, asked } = probes(() => true)
  it.sync(one, one.spec.containers, [seen(one, 'a', 'running', started)], '10.0.0.1', false)
  const there = seen(other, 'a', 'running', { ...started, id: 'there' })
  it.sync(other, other.spec.containers, [there], '10.0.0.2', false)
  await clock.advance(0)
  it.forget(one.metadata.uid)
  asked.length = 0
  await clock.advance(2_500)
  assert.ok(asked.length > 0 && asked.every((a) => a.startsWith('other')), asked.join())
  it.stop()
})

test('probes end with their container', async () => {
  const p = pod({ containers: [{ name: 'a', readinessProbe: exec('r', { periodSeconds: 1 }) }] } as never)
  const { it, clock, asked } = probes(() => true)
  it.sync(p, p.spec.containers, [seen(p, 'a', 'running', started)], '10.0.0.1', false)
  await clock.advance(0)
  it.sync(p, p.spec.containers, [seen(p, 'a', 'exited')], '10.0.0.1', false)
  await clock.advance(10_000)
  assert.equal(asked.length, 1)
  assert.equal(clock.nextTimerAt(), undefined)
})
