import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterConfig } from '../../src/cluster/index.ts'
import {
  cgroupHierarchies,
  findProcesses,
  type Layout,
  layoutOf,
  mountsBelow,
  namedNamespaces,
  readJson,
  runCommand,
} from '../../src/cluster/index.ts'

const root = join(import.meta.dirname, '..', '..')
/** The command. */
export const dhow = join(root, 'dhow')

/** Why end-to-end tests cannot run here, or false when they can. */
export const cannotRun: string | false = process.getuid?.() === 0 ? false : 'needs root'

/** The programs that DHOW_KUBECTL names (separated by ':', see test/kubectls), else the kubectl of PATH. */
export const kubectls: readonly string[] = (process.env.DHOW_KUBECTL || 'kubectl').split(':')

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A real cluster on this machine, with a name, a folder and networks of its own. */
export interface TestCluster {
  readonly layout: Layout
  readonly kubeconfig: string
  /** Rejects unless it exits with 0; resolves to its stdout. */
  dhow(...args: string[]): Promise<string>
  kubectl(...args: string[]): Promise<string>
  tryKubectl(args: readonly string[], options?: { input?: string; program?: string }): Promise<Result>
  /** The pid of a running part: `server`, `agent-node1`, `containerd-node1`. */
  pidOf(part: string): number
  /** Takes the cluster down with all its data, and asserts that nothing of it is left on the machine. */
  remove(): Promise<void>
}

let counter = 0

export async function startCluster(
  options: {
    readonly nodes?: number
    readonly up?: readonly string[]
    /** Below a folder of the test's own; one that is made and removed here unless given. */
    readonly dataDir?: string
  } = {},
): Promise<TestCluster> {
  const name = `e2e-${process.pid}-${++counter}`
  const dataDir = options.dataDir ?? mkdtempSync('/tmp/dhow-e2e-')
  const identity = ['--name', name, '--data-dir', dataDir]
  const nodes = options.nodes === undefined ? [] : ['--nodes', String(options.nodes)]
  try {
    await runDhow(['up', '--no-kubeconfig', ...identity, ...nodes, ...(options.up ?? [])])
  } catch (error) {
    const logs = existsSync(join(dataDir, 'logs'))
      ? readdirSync(join(dataDir, 'logs')).map(
          (f) => `${f}:\n${readFileSync(join(dataDir, 'logs', f), 'utf8').slice(-2000)}`,
        )
      : []
    await runDhow(['down', '--purge', '--grace', '1', ...identity]).catch(() => {})
    throw new Error(`cannot start the test's cluster\n${logs.join('\n')}`, { cause: error })
  }
  const layout = layoutOf((await readJson<ClusterConfig>(join(dataDir, 'cluster.json')))!)
  const env = { KUBECONFIG: layout.kubeconfig }
  const tryKubectl: TestCluster['tryKubectl'] = async (args, { input, program = kubectls[0]! } = {}) => {
    const result = await runCommand([program, ...args], {
      env,
      timeoutMs: 120_000,
      ...(input === undefined ? {} : { input }),
    })
    return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr }
  }
  return {
    layout,
    kubeconfig: layout.kubeconfig,
    dhow: (...args) => runDhow([...args, ...identity]),
    async kubectl(...args) {
      const result = await tryKubectl(args)
      assert.equal(result.code, 0, `kubectl ${args.join(' ')}: ${result.stderr || result.stdout}`)
      return result.stdout
    },
    tryKubectl,
    pidOf(part) {
      const state = JSON.parse(readFileSync(join(layout.runDir, 'supervisor.json'), 'utf8'))
      const pid = part === 'supervisor' ? state.supervisor.pid : state.parts[part]?.process?.pid
      assert.ok(pid, `${part} does not run`)
      return pid
    },
    async remove() {
      await runDhow(['down', '--purge', '--grace', '1', ...identity])
      await assertNothingLeft(layout)
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export async function runDhow(args: readonly string[]): Promise<string> {
  const [command = '', ...rest] = args
  const result = await runCommand([dhow, command, ...rest], { timeoutMs: 240_000 })
  assert.equal(result.exitCode, 0, `dhow ${args.join(' ')}: ${result.stderr}${result.stdout}`)
  return result.stdout + result.stderr
}

/** No process, mount, link, network namespace, cgroup or nft table of the cluster is left. */
export async function assertNothingLeft(layout: Layout): Promise<void> {
  const { dataDir, name, slot } = layout.config
  const processes = await findProcesses((args) => args.some((arg) => arg.includes(dataDir)))
  assert.deepEqual(
    processes.map((p) => p.args.join(' ')),
    [],
    'processes',
  )
  assert.deepEqual(mountsBelow(readFileSync('/proc/self/mountinfo', 'utf8'), dataDir), [], 'mounts')
  assert.deepEqual(
    namedNamespaces().filter((n) => n.startsWith(`dhow-${name}-`)),
    [],
    'network namespaces',
  )
  const links = readdirSync('/sys/class/net').filter((l) => new RegExp(`^dhow${slot}([a-z].*)?$`).test(l))
  assert.deepEqual(links, [], 'links')
  const cgroups = cgroupHierarchies().filter((h) => existsSync(join(h, layout.cgroupRoot)))
  assert.deepEqual(cgroups, [], 'cgroups')
  const tables = (await runCommand(['nft', 'list', 'tables'])).stdout
    .split('\n')
    .filter((t) => t.includes(`dhow${slot}_`))
  assert.deepEqual(tables, [], 'nft tables')
  const routes = (await runCommand(['ip', 'route', 'show', 'table', 'all'])).stdout
    .split('\n')
    .filter((r) => r.includes(`dhow${slot}`))
  assert.deepEqual(routes, [], 'routes')
}

/** Waits until `read` gives something, asking again and again; fails after `seconds` with what it waited for. */
export async function until<T>(
  what: string,
  read: () => Promise<T | undefined | false | null>,
  seconds = 60,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000
  let last: unknown
  for (;;) {
    try {
      const value = await read()
      if (value) return value
      last = value
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
