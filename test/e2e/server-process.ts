import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemRandom } from '../../src/base/index.ts'
import { type HttpsApi, httpsApi } from '../../src/client/index.ts'
import { adminIdentity, type ClusterConfig, layoutOf } from '../../src/cluster/index.ts'
import { until } from './harness.ts'

const entry = join(import.meta.dirname, '..', '..', 'src', 'cluster', 'main.ts')

/** The process `server` of a cluster without nodes, to be killed and started again. Needs no root. */
export interface ServerProcess {
  /** Where its store is. */
  readonly storeDir: string
  /** Resolves once the process exists; it does not answer yet. */
  start(): void
  kill(): Promise<void>
  /** As the administrator, over TLS. Waits until the server answers. */
  connect(): Promise<HttpsApi>
  log(): string
  remove(): Promise<void>
}

export async function serverProcess(): Promise<ServerProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dhow-server-'))
  const config: ClusterConfig = {
    version: 1,
    name: 'survival',
    dataDir,
    slot: 39,
    nodes: 1,
    podCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/16',
    nodeCidr: '10.90.39.0/24',
    clusterDomain: 'cluster.local',
    apiPort: await freePort(),
    kubeletPort: 10250,
  }
  writeFileSync(join(dataDir, 'cluster.json'), JSON.stringify(config))
  const layout = layoutOf(config)
  const logFile = join(dataDir, 'server.log')
  let child: ChildProcess | undefined
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  return {
    storeDir: dirname(layout.storePath),
    start() {
      const output = openSync(logFile, 'a')
      child = spawn(process.execPath, [entry, 'server', '--data-dir', dataDir], {
        stdio: ['ignore', output, output],
        env: { ...process.env, NODE_COMPILE_CACHE: join(dataDir, 'compiled') },
      })
      closeSync(output)
    },
    kill,
    connect: () =>
      until('the server to answer', async () => {
        const tls = await adminIdentity(layout)
        const server = `https://127.0.0.1:${config.apiPort}`
        const api = httpsApi({ server, tls, userAgent: 'test', timeoutMs: 20_000, random: systemRandom() })
        try {
          const { body } = await api.request({ path: '/readyz' })
          body.resume()
          return api
        } catch (error) {
          api.close()
          throw error
        }
      }),
    log: () => readFileSync(logFile, 'utf8').slice(-4_000),
    async remove() {
      await kill()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
