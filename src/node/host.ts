import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** The mounts of the machine, behind an interface: tests that are not root, and simulated nodes, have none. */
export interface Host {
  /** `mount` with these arguments. */
  mount(args: readonly string[]): Promise<void>
  unmount(path: string): Promise<void>
  isMounted(path: string): Promise<boolean>
  /** Deepest first. */
  mountsBelow(path: string): Promise<readonly string[]>
}

const run = promisify(execFile)

export function linuxHost(): Host {
  const mounts = async (): Promise<string[]> =>
    (await readFile('/proc/self/mountinfo', 'utf8'))
      .split('\n')
      .map((line) => plainPath(line.split(' ')[4] ?? ''))
      .filter((p) => p !== '')
  return {
    async mount(args) {
      try {
        await run('mount', args as string[], { timeout: 30_000 })
      } catch (error) {
        throw new Error(
          `cannot mount ${args.at(-1)}: ${String((error as { stderr?: string }).stderr ?? error).trim()}`,
          { cause: error },
        )
      }
    },
    async unmount(path) {
      if (!(await mounts()).includes(path)) return
      await run('umount', [path], { timeout: 30_000 }).catch(() =>
        run('umount', ['-l', path], { timeout: 30_000 }),
      )
    },
    isMounted: async (path) => (await mounts()).includes(path),
    mountsBelow: async (path) =>
      (await mounts())
        .filter((m) => m === path || m.startsWith(`${path}/`))
        .sort((a, b) => b.length - a.length),
  }
}

/** The mount table writes blanks and the like in octal. */
function plainPath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** Mounts nothing: every folder counts as what should be mounted there. */
export const mountlessHost: Host = {
  mount: async () => {},
  unmount: async () => {},
  isMounted: async () => false,
  mountsBelow: async () => [],
}
