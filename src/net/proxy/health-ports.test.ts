import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, test } from 'node:test'
import { silentLog } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { type HealthPort, HealthPorts } from './health-ports.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

let isHealthy = true
const ports = new HealthPorts(['127.0.0.1'], () => isHealthy, silentLog)
after(() => ports.close())

test('load balancers learn whether this node has endpoints', async () => {
  const port = await freePort()
  const set = (localEndpoints: number) =>
    ports.set(new Map<number, HealthPort>([[port, { namespace: 'shop', name: 'web', port, localEndpoints }]]))
  const ask = () => fetch(`http://127.0.0.1:${port}/`)
  set(2)
  const good = await eventually('an answer', ask)
  assert.equal(good.status, 200)
  assert.equal(good.headers.get('x-load-balancing-endpoint-weight'), '2')
  assert.deepEqual(await good.json(), {
    service: { namespace: 'shop', name: 'web' },
    localEndpoints: 2,
    serviceProxyHealthy: true,
  })
  set(0)
  assert.equal((await ask()).status, 503)
  set(1)
  isHealthy = false
  assert.equal((await ask()).status, 503)
  ports.set(new Map())
  await assert.rejects(ask())
})
