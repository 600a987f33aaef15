import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { run } from './exec.ts'
import { writeFileAtomic, writeFileIfChanged } from './files.ts'
import { type ContainerdLayout, PAUSE_IMAGE } from './layout.ts'

export interface ContainerdOptions {
  /** Of containerd: 1 or 2 (its config differs). */
  readonly majorVersion: number
  readonly cniBinDir: string
  /** CAP_SYS_RESOURCE is missing: containers cannot get an OOM score below containerd's own. */
  readonly restrictOomScore: boolean
  /** Registries that are spoken to over plain HTTP, as host:port. */
  readonly insecureRegistries?: readonly string[]
}

/**
 * The private containerd's config: only what differs from its defaults. Version 2 of the format serves containerd
 * 1.6 and 1.7, version 3 containerd 2.x (which split the CRI plugin into images and runtime).
 */
export function containerdConfig(layout: ContainerdLayout, options: ContainerdOptions): string {
  const q = JSON.stringify
  const top = (version: number) => [
    `version = ${version}`,
    `root = ${q(layout.root)}`,
    `state = ${q(layout.state)}`,
    // Snapshotters and stores for other file systems and clients: each costs start-up time and memory.
    `disabled_plugins = ${q(UNUSED_PLUGINS)}`,
    '[debug]',
    'level = "warn"',
    '[grpc]',
    `address = ${q(layout.socket)}`,
  ]
  const shared = [
    `restrict_oom_score_adj = ${options.restrictOomScore}`,
    'netns_mounts_under_state_dir = true',
    'stream_server_address = "127.0.0.1"',
  ]
  const cni = [`bin_dir = ${q(options.cniBinDir)}`, `conf_dir = ${q(layout.cniConfDir)}`]
  if (options.majorVersion >= 2) {
    const runtime = 'plugins."io.containerd.cri.v1.runtime"'
    const images = 'plugins."io.containerd.cri.v1.images"'
    return lines(
      ...top(3),
      `[${runtime}]`,
      ...shared.slice(0, 2),
      `[${runtime}.cni]`,
      ...cni,
      `[${runtime}.containerd.runtimes.runc]`,
      'runtime_type = "io.containerd.runc.v2"',
      `[${runtime}.containerd.runtimes.runc.options]`,
      'SystemdCgroup = false',
      `[${images}.pinned_images]`,
      `sandbox = ${q(PAUSE_IMAGE)}`,
      `[${images}.registry]`,
      `config_path = ${q(layout.registryDir)}`,
      '[plugins."io.containerd.grpc.v1.cri"]',
      shared[2]!,
    )
  }
  const cri = 'plugins."io.containerd.grpc.v1.cri"'
  return lines(
    ...top(2),
    `[${cri}]`,
    `sandbox_image = ${q(PAUSE_IMAGE)}`,
    ...shared,
    `[${cri}.cni]`,
    ...cni,
    `[${cri}.containerd.runtimes.runc]`,
    'runtime_type = "io.containerd.runc.v2"',
    `[${cri}.containerd.runtimes.runc.options]`,
    'SystemdCgroup = false',
    `[${cri}.registry]`,
    `config_path = ${q(layout.registryDir)}`,
  )
}

const UNUSED_PLUGINS = [
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.internal.v1.tracing',
  'io.containerd.internal.v1.opt',
]

const lines = (...parts: string[]) => `${parts.join('\n')}\n`

/** `containerd github.com/containerd/containerd 1.6.20~ds1 …` or `… v2.0.1 …` gives 1 or 2. */
export function majorVersionOf(versionLine: string): number {
  const version = versionLine.split(' ').find((word) => /^v?\d+\.\d+/.test(word))
  if (!version) throw new Error(`cannot read the version of containerd: got "${versionLine.trim()}"`)
  return Number.parseInt(version.replace(/^v/, ''), 10)
}

/** Writes the config of a node's containerd and the directories it needs; tells whether the config changed. */
export async function prepareContainerd(
  layout: ContainerdLayout,
  options: ContainerdOptions,
): Promise<boolean> {
  for (const dir of [layout.root, layout.state, layout.cniConfDir, layout.registryDir])
    await mkdir(dir, { recursive: true, mode: 0o711 })
  for (const registry of options.insecureRegistries ?? []) {
    // The separator of host and port in a directory name is the same ':'.
    await writeFileAtomic(
      `${layout.registryDir}/${registry}/hosts.toml`,
      lines(
        `server = "http://${registry}"`,
        `[host."http://${registry}"]`,
        'capabilities = ["pull", "resolve"]',
      ),
    )
  }
  return writeFileIfChanged(layout.config, containerdConfig(layout, options))
}

/** `ctr` in the namespace that CRI uses. */
export async function ctr(
  socket: string,
  args: readonly string[],
  onLine?: (line: string) => void,
): Promise<string> {
  // ctr itself would try for ten seconds.
  if (!(await listens(socket))) {
    throw new Error(`cannot reach containerd at "${socket}": it does not run (see "dhow status")`)
  }
  const options = { timeoutMs: 300_000, ...(onLine ? { onLine } : {}) }
  return run(['ctr', '--address', socket, '--namespace', 'k8s.io', ...args], options)
}

/** Whether a process accepts connections on a Unix socket. */
export function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket, () => {
      connection.destroy()
      resolve(true)
    })
    connection.on('error', () => resolve(false))
  })
}
