import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { silentLog, systemClock, systemRandom } from '../../src/base/index.ts'
import { createApiServer, createSecurity, DEFAULT_NETWORK, ensurePki } from '../../src/server/index.ts'
import { openSqliteStore } from '../../src/store/index.ts'

/** The server under test, a process of its own: real security, TLS, a durable store. Says its port and keys on stdout. */
const dir = process.argv[2]!
const clock = systemClock()
const log = silentLog
const pki = await ensurePki(join(dir, 'pki'), { clock, serviceIp: '10.96.0.1', serverIps: ['127.0.0.1'] })
const store = await openSqliteStore({ path: join(dir, 'store.db'), clock, log })
const server = await createApiServer({
  store,
  clock,
  random: systemRandom(),
  log,
  network: DEFAULT_NETWORK,
  security: (context) =>
    createSecurity(context, {
      serviceAccountKey: pki.serviceAccountKey,
      kubeletClient: pki.kubeletClient,
      nodeAuthority: pki.ca.cert,
    }),
})
const tls = { cert: pki.server.cert, key: pki.server.key, clientCa: pki.ca.cert }
const { port } = await server.listen({ host: '127.0.0.1', port: 0, tls })
writeFileSync(
  join(dir, 'ready.json'),
  JSON.stringify({ port, ca: pki.ca.cert, cert: pki.admin.cert, key: pki.admin.key }),
)
console.log('ready')
process.on('message', (message) => {
  if (message === 'usage') process.send!({ cpu: process.cpuUsage(), rss: process.memoryUsage().rss })
})
process.once('SIGTERM', async () => {
  await server.close(100)
  await store.close()
  process.exit(0)
})
