import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Pod } from '../api/index.ts'
import { type CgroupWrite, podCgroup, podCgroupWrites, qosCgroupWrites } from './spec/resources.ts'

/** The cgroups above the containers: of the pods, and of the classes of pods. Those of containers are the runtime's. */
export interface Cgroups {
  readonly version: 1 | 2
  /** The cgroup of the pod as CRI takes it. */
  parentOf(pod: Pod): string
  create(pod: Pod): Promise<void>
  remove(pod: Pod): Promise<void>
  /** The same for a pod of which only the uid is known. */
  removeUid(uid: string): Promise<void>
  /** Brings the shares of the classes in line with the pods there are. */
  balance(pods: readonly Pod[]): Promise<void>
  /** Uids of pods that have a cgroup. */
  uids(): Promise<readonly string[]>
}

const REMOVE_TRIES = 20

/** cgroupfs below `/sys/fs/cgroup`; `base` keeps clusters on one machine apart. */
export async function linuxCgroups(
  base: string,
  root = '/sys/fs/cgroup',
  wait: (ms: number) => Promise<void>,
): Promise<Cgroups> {
  const unified = await readFile(join(root, 'cgroup.controllers'), 'utf8').catch(() => undefined)
  const version = unified === undefined ? 1 : 2
  const hierarchies =
    version === 2
      ? ['']
      : (await readdir(root, { withFileTypes: true })).filter((e) => e.isDirectory()).map((e) => e.name)
  const dirOf = (controller: string, path: string) => join(root, controller, path)
  const top = `/${base}/kubepods`
  /** The shares that classes of pods were given, by path: what did not change is not written again. */
  const balanced = new Map<string, string>()

  async function make(controller: string, path: string): Promise<void> {
    await mkdir(dirOf(controller, path), { recursive: true })
    if (version === 2) await delegate(root, path)
  }

  async function write(w: CgroupWrite): Promise<void> {
    try {
      await writeFile(join(dirOf(w.controller, w.path), w.file), w.value)
    } catch (error) {
      throw new Error(`cannot set ${w.file} of cgroup ${w.path} to ${w.value}: ${(error as Error).message}`, {
        cause: error,
      })
    }
  }

  async function removePath(path: string): Promise<void> {
    for (const h of hierarchies) {
      // Processes that were just killed may hold it for a moment.
      for (let i = 0; i < REMOVE_TRIES; i++) {
        if (await removeTree(dirOf(h, path))) break
        await wait(50)
      }
    }
  }

  return {
    version,
    parentOf: (pod) => podCgroup(base, pod),
    async create(pod) {
      const path = podCgroup(base, pod)
      for (const controller of version === 2 ? [''] : ['cpu', 'memory']) await make(controller, path)
      for (const w of podCgroupWrites(pod, path, version)) await write(w)
    },
    remove: (pod) => removePath(podCgroup(base, pod)),
    async removeUid(uid) {
      for (const group of [top, `${top}/burstable`, `${top}/besteffort`])
        await removePath(`${group}/pod${uid}`)
    },
    async balance(pods) {
      for (const w of qosCgroupWrites(base, pods, version)) {
        if (balanced.get(w.path) === w.value) continue
        await make(w.controller, w.path)
        await write(w)
        balanced.set(w.path, w.value)
      }
    },
    async uids() {
      const found = new Set<string>()
      for (const h of hierarchies) {
        for (const group of [top, `${top}/burstable`, `${top}/besteffort`]) {
          for (const name of await readdir(dirOf(h, group)).catch(() => []))
            if (name.startsWith('pod')) found.add(name.slice(3))
        }
      }
      return [...found]
    },
  }
}

/** Has no cgroups: simulated nodes, and tests that are not root. */
export const noCgroups: Cgroups = {
  version: 1,
  parentOf: (pod) => podCgroup('none', pod),
  create: async () => {},
  remove: async () => {},
  removeUid: async () => {},
  balance: async () => {},
  uids: async () => [],
}

/** On cgroup v2 a group's children have only the controllers it hands down. */
async function delegate(root: string, path: string): Promise<void> {
  const parents: string[] = []
  for (let p = dirname(path); p !== '/' && p !== '.'; p = dirname(p)) parents.unshift(p)
  for (const p of ['/', ...parents]) {
    await writeFile(join(root, p, 'cgroup.subtree_control'), '+cpu +memory +pids +cpuset +io').catch(() =>
      writeFile(join(root, p, 'cgroup.subtree_control'), '+cpu +memory +pids').catch(() => {}),
    )
  }
}

/** False while something in it still runs. */
async function removeTree(dir: string): Promise<boolean> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => undefined)
  if (!entries) return true
  for (const e of entries) if (e.isDirectory() && !(await removeTree(join(dir, e.name)))) return false
  return rmdir(dir).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
}
