import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../../base/index.ts'
import { criClient } from '../cri/index.ts'
import { PAUSE_IMAGE, TEST_IMAGES, writeImageArchive } from './image-archive.ts'

const run = promisify(execFile)

/** Why real containers cannot run here; undefined: they can. */
export function whyNoContainers(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  for (const file of [
    '/usr/bin/containerd',
    '/usr/sbin/runc',
    '/usr/lib/cni/bridge',
    '/usr/bin/catatonit',
    '/bin/busybox',
  ]) {
    if (!existsSync(file)) return `needs ${file}`
  }
  return undefined
}

export interface TestContainerd {
  readonly socket: string
  readonly dir: string
  readonly pid: number
  kill(): Promise<void>
  restart(): Promise<void>
  /** Ends everything it started, and leaves no process, mount, namespace, interface or file behind. */
  close(): Promise<void>
}

/** A containerd of the test's own, with a network and images of its own, beside any other on the machine. */
export async function startContainerd(): Promise<TestContainerd> {
  const dir = await mkdtemp(join(tmpdir(), 'dhow-node-'))
  const id = dir.slice(-6)
  const bridge = `dn${id.toLowerCase()}`.slice(0, 15)
  const subnet = `10.${200 + Math.floor((process.pid / 250) % 50)}.${process.pid % 250}`
  const socket = join(dir, 'c.sock')
  await mkdir(join(dir, 'cni'), { recursive: true })
  const ipam = {
    type: 'host-local',
    dataDir: join(dir, 'ipam'),
    ranges: [[{ subnet: `${subnet}.0/24` }]],
    routes: [{ dst: '0.0.0.0/0' }],
  }
  const plugins = [
    { type: 'bridge', bridge, isGateway: true, ipMasq: false, hairpinMode: true, ipam },
    { type: 'portmap', capabilities: { portMappings: true } },
  ]
  await writeFile(
    join(dir, 'cni', '10.conflist'),
    JSON.stringify({ cniVersion: '0.4.0', name: bridge, plugins }),
  )
  await writeFile(
    join(dir, 'config.toml'),
    `version = 2
root = "${dir}/root"
state = "${dir}/state"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${dir}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${dir}/certs.d"
`,
  )
  let pid = await launch(dir, socket)
  await writeImageArchive(join(dir, 'images.tar'), TEST_IMAGES)
  await run('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'import', join(dir, 'images.tar')])

  const kill = async () => {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended already.
    }
    while (
      existsSync(`/proc/${pid}/stat`) &&
      !(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')).includes(') Z')
    )
      await turn()
  }
  return {
    socket,
    dir,
    get pid() {
      return pid
    },
    kill,
    async restart() {
      await kill()
      pid = await launch(dir, socket)
    },
    async close() {
      await emptyRuntime(socket)
      await kill()
      await endShims(socket)
      await unmountBelow(dir)
      await run('ip', ['link', 'delete', bridge]).catch(() => {})
      const cgroups = await readdir('/sys/fs/cgroup')
      for (const h of cgroups) await removeCgroup(join('/sys/fs/cgroup', h, dir.split('/').at(-1)!))
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const turn = () => new Promise<void>((resolve) => systemClock().after(10, resolve))

async function launch(dir: string, socket: string): Promise<number> {
  const child = spawn('containerd', ['-c', join(dir, 'config.toml')], { stdio: 'ignore', detached: true })
  child.unref()
  const client = criClient(socket, systemClock())
  try {
    for (let i = 0; i < 1000; i++) {
      const up = await client.call.version({}).then(
        () => true,
        () => false,
      )
      if (up) return child.pid!
      if (child.exitCode !== null) throw new Error(`containerd ended with ${child.exitCode}`)
      await turn()
    }
    throw new Error('containerd did not answer within ten seconds')
  } finally {
    client.close()
  }
}

async function emptyRuntime(socket: string): Promise<void> {
  const client = criClient(socket, systemClock())
  try {
    const { items } = await client.call.listPodSandbox({})
    await Promise.all(
      items.map(async (s) => {
        await client.call.stopPodSandbox({ podSandboxId: s.id })
        await client.call.removePodSandbox({ podSandboxId: s.id })
      }),
    )
  } catch {
    // What cannot be stopped politely is killed below.
  } finally {
    client.close()
  }
}

/** Shims outlive containerd; those of this one name its socket. */
async function endShims(socket: string): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((n) => /^\d+$/.test(n))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (line.includes('containerd-shim') && line.includes(socket)) process.kill(Number(pid), 'SIGKILL')
  }
}

async function unmountBelow(dir: string): Promise<void> {
  const table = await readFile('/proc/self/mountinfo', 'utf8')
  const points = table
    .split('\n')
    .map((l) => l.split(' ')[4] ?? '')
    .filter((p) => p.startsWith(`${dir}/`))
  for (const p of points.sort((a, b) => b.length - a.length)) await run('umount', ['-l', p]).catch(() => {})
}

async function removeCgroup(dir: string): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => [])
  for (const e of entries) if (e.isDirectory()) await removeCgroup(join(dir, e.name))
  // A container that was only just being made may be left without a shim.
  const left = await readFile(join(dir, 'cgroup.procs'), 'utf8').catch(() => '')
  for (const pid of left.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL')
  if (left !== '') await turn()
  await rmdir(dir).catch(() => {})
}
