import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { httpsApi } from '../../src/client/index.ts'
import {
  adminIdentity,
  type ClusterConfig,
  clusterParts,
  type Layout,
  layoutOf,
} from '../../src/cluster/index.ts'
import type { Target } from './connection.ts'

type Identity = Awaited<ReturnType<typeof adminIdentity>>

/** The server under test: the process that `dhow up` starts, without nodes; on a core of its own where there are two. */
export interface ServerProcess {
  readonly target: Target
  readonly isPinned: boolean
  /** CPU milliseconds that all its threads have used. */
  cpuMs(): number
  stop(): Promise<void>
}

export async function startServer(): Promise<ServerProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dhow-bench-'))
  const config: ClusterConfig = {
    version: 1,
    name: 'bench',
    dataDir,
    slot: 39,
    nodes: 1,
    podCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/16',
    nodeCidr: '10.90.39.0/24',
    clusterDomain: 'cluster.local',
    apiPort: await freePort(),
    kubeletPort: await freePort(),
  }
  const layout = layoutOf(config)
  writeFileSync(layout.configFile, JSON.stringify(config))
  mkdirSync(layout.runDir, { recursive: true })
  const part = clusterParts(layout).find(({ name }) => name === 'server')!
  const isPinned = cpus().length > 1 && spawnSync('taskset', ['-cp', '1', `${process.pid}`]).status === 0
  const command = [...(isPinned ? ['taskset', '-c', '0'] : []), ...part.command]
  const [program, ...args] = withNodeFlags(command)
  const child = spawn(program!, args, {
    env: { ...process.env, ...part.env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    const identity = await ready(child, layout)
    return { target: { port: config.apiPort, ...identity }, isPinned, cpuMs: () => cpuMsOf(child.pid!), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** `BENCH_SERVER_ARGS="--cpu-prof"` for a look inside. */
function withNodeFlags(command: readonly string[]): string[] {
  const flags = (process.env.BENCH_SERVER_ARGS ?? '').split(' ').filter((flag) => flag !== '')
  const program = command.findIndex((word) => word.endsWith('.ts'))
  return [...command.slice(0, program), ...flags, ...command.slice(program)]
}

/** The server makes the keys; then it, the controllers and the scheduler start. */
async function ready(child: ChildProcess, layout: Layout): Promise<Identity> {
  for (const deadline = performance.now() + 20_000; ; await pause(50)) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`)
    try {
      const identity = await adminIdentity(layout)
      const server = `https://127.0.0.1:${layout.config.apiPort}`
      const api = httpsApi({ server, tls: identity, userAgent: 'dhow-bench' })
      const answer = await api.request({ path: '/readyz' })
      answer.body.resume()
      api.close()
      return identity
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** The kernel's own account, in nanoseconds, of each thread. */
function cpuMsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = threads.map((t) =>
    Number(readFileSync(`/proc/${pid}/task/${t}/schedstat`, 'utf8').split(' ')[0]),
  )
  return nanoseconds.reduce((sum, n) => sum + n, 0) / 1e6
}
