import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Api } from '../../src/api/index.ts'
import { type Clock, silentLog, systemClock, systemRandom } from '../../src/base/index.ts'
import { httpsApi } from '../../src/client/index.ts'
import { deepFreeze } from '../../src/schema/index.ts'
import { type ApiServer, type ApiServerOptions, createApiServer, ensurePki } from '../../src/server/index.ts'
import { openSecurity } from '../../src/server/testing.ts'
import { openMemoryStore, type Store } from '../../src/store/index.ts'

export interface Binding {
  readonly api: Api
  readonly server: ApiServer
  readonly store: Store
  readonly clock: Clock
  close(): Promise<void>
}

export type OpenBinding = (options?: Partial<ApiServerOptions>) => Promise<Binding>

async function startServer(options: Partial<ApiServerOptions>) {
  const clock = options.clock ?? systemClock({ background: true })
  const store = options.store ?? openMemoryStore({ clock })
  const server = await createApiServer({
    store,
    clock,
    random: systemRandom(),
    log: silentLog,
    security: () => openSecurity(),
    network: { serviceCidr: '10.96.0.0/24', nodePorts: { from: 30_000, to: 30_015 } },
    // What caches hand out is shared: whoever changes it fails.
    onObject: deepFreeze,
    ...options,
  })
  return { clock, store, server }
}

const inProcess: OpenBinding = async (options = {}) => {
  const { clock, store, server } = await startServer(options)
  const api = server.apiFor({ username: 'admin', groups: ['system:masters'] })
  const close = async () => {
    await server.close(0)
    await store.close()
  }
  return { api, server, store, clock, close }
}

const overHttps: OpenBinding = async (options = {}) => {
  const { clock, store, server } = await startServer(options)
  const dir = await mkdtemp(join(tmpdir(), 'dhow-api-test-'))
  const pki = await ensurePki(dir, { clock: systemClock(), serviceIp: '10.96.0.1', serverIps: ['127.0.0.1'] })
  const tls = { cert: pki.server.cert, key: pki.server.key, clientCa: pki.ca.cert }
  const { port } = await server.listen({ host: '127.0.0.1', port: 0, tls })
  const api = httpsApi({
    server: `https://127.0.0.1:${port}`,
    tls: { ca: pki.ca.cert, cert: pki.admin.cert, key: pki.admin.key },
    userAgent: 'test',
  })
  const close = async () => {
    api.close()
    await server.close(0)
    await store.close()
    await rm(dir, { recursive: true })
  }
  return { api, server, store, clock, close }
}

export const bindings: readonly (readonly [string, OpenBinding])[] = [
  ['in process', inProcess],
  ['over HTTPS', overHttps],
]
