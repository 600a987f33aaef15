import { Connection, type Target } from './api/connection.ts'
import { startServer } from './api/server.ts'
import { quantile, type Result, report, spreadOf } from './lib.ts'

const CLIENTS = 50
const ROUNDS = 5
const CREATES = 5_000
/** V8 compiles the hot path anew after some 15,000 creates, on the same core: a server's first seconds are not its speed. */
const WARM_UP_ROUNDS = 5
const WATCHERS = 1_000
const PODS = '/api/v1/namespaces/default/pods'

const server = await startServer()
const where = server.isPinned ? 'on one core, this client on another' : 'not held to one core'
try {
  const results = [
    ...(await creates(server.target)),
    await lists(server.target),
    await watchers(server.target),
  ]
  report(`API server, ${where}`, results)
} finally {
  await server.stop()
}

/** A pod of about 1.7 KB once it is stored. */
function podBody(name: string): string {
  const container = (n: number) => ({
    name: `c${n}`,
    image: 'registry.example.com/shop/web:1.2.3',
    ports: [{ containerPort: 8080 + n }],
    env: [{ name: 'MODE', value: 'production' }],
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
    readinessProbe: { httpGet: { path: '/ready', port: 8080 + n } },
  })
  // No scheduler looks after it: creating pods is measured, not what becomes of them.
  const spec = { schedulerName: 'nobody', containers: [container(0)] }
  const metadata = {
    name,
    labels: { app: 'web', tier: 'front' },
    annotations: { note: 'made by the benchmark' },
  }
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec })
}

/** The controllers make it, soon after the start. */
async function accountExists(client: Connection): Promise<void> {
  while ((await client.request('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status !== 200)
    await new Promise((resolve) => setTimeout(resolve, 20))
}

async function creates(target: Target): Promise<Result[]> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => Connection.open(target)))
  await accountExists(clients[0]!)
  const early: number[] = []
  const rates: number[] = []
  const perCore: number[] = []
  let next = 0
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const end = next + CREATES
    const before = server.cpuMs()
    const start = performance.now()
    await Promise.all(
      clients.map(async (client) => {
        while (next < end) {
          const answer = await client.request('POST', PODS, podBody(`pod-${next++}`))
          if (answer.status !== 201) throw new Error(`expected 201, got ${answer.status}: ${answer.body}`)
        }
      }),
    )
    const ms = performance.now() - start
    const cpuMs = server.cpuMs() - before
    const isWarm = round >= WARM_UP_ROUNDS
    ;(isWarm ? rates : early).push((CREATES / ms) * 1000)
    if (isWarm) perCore.push((CREATES / cpuMs) * 1000)
  }
  for (const client of clients) client.close()
  return [
    {
      name: `pod creates, ${CLIENTS} clients, TLS, durable`,
      unit: '/s',
      spread: spreadOf(rates),
      target: { is: '>=', value: 4000 },
    },
    { name: 'the same for each second of server CPU, all threads', unit: '/s', spread: spreadOf(perCore) },
    {
      name: `the ${(WARM_UP_ROUNDS * CREATES).toLocaleString('en-US')} before, of a new server`,
      unit: '/s',
      spread: spreadOf(early),
    },
  ]
}

async function lists(target: Target): Promise<Result> {
  const client = await Connection.open(target)
  const times: number[] = []
  for (let round = 0; round <= ROUNDS * 2; round++) {
    const start = performance.now()
    const { status, body } = await client.request('GET', `${PODS}?limit=10000`)
    const ms = performance.now() - start
    if (status !== 200 || body.length < 5_000_000) throw new Error(`expected 10,000 pods, got ${status}`)
    if (round > 0) times.push(ms)
  }
  client.close()
  return { name: 'LIST of 10,000 pods', unit: 'ms', spread: spreadOf(times), target: { is: '<=', value: 80 } }
}

/** From the moment a change is sent to the moment each of the watchers has it. */
async function watchers(target: Target): Promise<Result> {
  const writer = await Connection.open(target)
  const map = (n: number) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'watched' },
      data: { n: `${n}` },
    })
  const path = '/api/v1/namespaces/default/configmaps'
  const created = JSON.parse((await writer.request('POST', path, map(0))).body.toString())
  const seen = { count: 0, at: [] as number[], done: () => {} }
  const all: Connection[] = []
  for (let i = 0; i < WATCHERS; i += 50) {
    const some = await Promise.all(
      Array.from({ length: Math.min(50, WATCHERS - i) }, () => Connection.open(target)),
    )
    for (const connection of some) {
      connection.stream(`${path}?watch=1&resourceVersion=${created.metadata.resourceVersion}`, (chunk) => {
        if (!chunk.includes('"type":"MODIFIED"')) return
        seen.at.push(performance.now())
        if (seen.at.length === WATCHERS) seen.done()
      })
    }
    all.push(...some)
  }
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const p99: number[] = []
  for (let round = 1; round <= ROUNDS * 2 + 1; round++) {
    seen.at = []
    const told = new Promise<void>((resolve) => {
      seen.done = resolve
    })
    const start = performance.now()
    await writer.request('PUT', `${path}/watched`, map(round))
    await told
    if (round > 1) p99.push(quantile(seen.at, 0.99) - start)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  for (const connection of all) connection.close()
  writer.close()
  return {
    name: `one change to ${WATCHERS} watchers, p99`,
    unit: 'ms',
    spread: spreadOf(p99),
    target: { is: '<=', value: 50 },
  }
}
