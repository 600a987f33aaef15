/** How long the server keeps its event loop to itself, whatever it is asked for (DESIGN, decision 13). */
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Pod, servedKinds } from '../src/api/index.ts'
import { silentLog, systemClock, systemRandom } from '../src/base/index.ts'
import { apiVersionOf } from '../src/schema/index.ts'
import { createApiServer } from '../src/server/index.ts'
import { openSecurity } from '../src/server/testing.ts'
import { openMemoryStore } from '../src/store/index.ts'
import { type Result, report, spreadOf } from './lib.ts'

const PODS = 10_000
const ROUNDS = 5
const MAX_TURN_MS = 10
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'
const PARTIAL = 'as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

interface Ask {
  readonly path: string
  readonly accept?: string
  readonly method?: string
  readonly body?: string
  readonly contentType?: string
}

const clock = systemClock()
const store = openMemoryStore({ clock })
const server = await createApiServer({
  store,
  clock,
  random: systemRandom(),
  log: silentLog,
  security: () => openSecurity(),
  network: { serviceCidr: '10.96.0.0/16', nodePorts: { from: 30_000, to: 32_767 } },
})
const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
await createPods()

// The client has a thread, and so an event loop, of its own.
const client = new Worker(
  `const { parentPort } = require('node:worker_threads')
   const { request } = require('node:http')
   parentPort.on('message', ({ port, path, accept, method, body, contentType }) => {
     const headers = { accept: accept ?? 'application/json', 'content-type': contentType ?? 'application/json' }
     const req = request({ port, path, method, headers }, (res) => {
       let bytes = 0
       res.on('data', (chunk) => { bytes += chunk.length })
       res.on('end', () => parentPort.postMessage({ status: res.statusCode, bytes }))
     })
     req.end(body)
   })`,
  { eval: true },
)

function ask(what: Ask): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve) => {
    client.once('message', resolve)
    client.postMessage({ port, ...what })
  })
}

/** CPU time of this thread, so that others on the machine do not count (to a tick of the kernel). */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** The most that the event loop works from one turn to the next while `work` goes on. */
async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = cpuMs()
  let isOver = false
  const turn = () => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  isOver = true
  return longest
}

async function measured(name: string, what: Ask, rounds = ROUNDS): Promise<Result> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    await pause(50)
    times.push(
      await longestTurnMs(async () => {
        const { status, bytes } = await ask(what)
        if (status >= 300 || bytes < 200)
          throw new Error(`expected an answer, got ${status} with ${bytes} bytes`)
      }),
    )
  }
  return { name, unit: 'ms', spread: spreadOf(times), target: { is: '<=', value: MAX_TURN_MS } }
}

async function createPods(): Promise<void> {
  const api = server.apiFor({ username: 'bench', groups: ['system:masters'] })
  for (let i = 0; i < PODS; i++) {
    const metadata = {
      namespace: `ns-${i % 10}`,
      name: `web-${i}`,
      labels: { app: 'web', shard: `${i % 7}` },
    }
    const env = Array.from({ length: 8 }, (_, n) => ({ name: `SETTING_${n}`, value: `value ${n} of ${i}` }))
    await api.create(Pod, { metadata, spec: { containers: [{ name: 'web', image: 'example/web:1', env }] } })
  }
}

/** As large as a body may be, nearly. */
function largeBody(): string {
  const data = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key-${i}`, 'x'.repeat(900)]))
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'large' }, data })
}

const pods = '/api/v1/pods'
const results = [
  await measured('OpenAPI v2, first asked for', { path: '/openapi/v2' }, 1),
  await measured(
    'the same in protobuf',
    { path: '/openapi/v2', accept: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' },
    1,
  ),
  await measured('OpenAPI v3, first asked for', { path: '/openapi/v3' }, 1),
  await measured(`LIST of ${PODS} pods`, { path: pods }),
  await measured('the same in protobuf, first asked for', { path: pods, accept: PROTOBUF }, 1),
  await measured('the same in protobuf', { path: pods, accept: PROTOBUF }),
  await measured('the same as a table', { path: pods, accept: TABLE }),
  await measured('the same as metadata', { path: pods, accept: `application/json;${PARTIAL}` }),
  await measured('the same as metadata in protobuf', { path: pods, accept: `${PROTOBUF};${PARTIAL}` }),
  await measured('the same as YAML', { path: `${pods}?limit=500`, accept: 'application/yaml' }),
  await measured('LIST by labels', { path: `${pods}?labelSelector=shard%3D3` }),
  await measured('LIST by fields', { path: `${pods}?fieldSelector=status.phase%3DPending` }),
  await measured('LIST in pages of 500, the first', { path: `${pods}?limit=500` }),
  await measured('a watch that begins with all pods', { path: `${pods}?watch=1&timeoutSeconds=1` }),
  await measured('a ConfigMap of 900 KB', {
    path: '/api/v1/namespaces/default/configmaps?dryRun=All',
    method: 'POST',
    body: largeBody(),
  }),
]
report(
  `The longest turn of the server's event loop, ${servedKinds.length} kinds of ${apiVersionOf(Pod.resource)} and others`,
  results,
)
await client.terminate()
await server.close(0)
await store.close()
process.exit(0)
