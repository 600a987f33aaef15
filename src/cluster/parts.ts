import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Layout } from './layout.ts'

/** A process that the supervisor keeps running. */
export interface Part {
  readonly name: string
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly log: string
}

export interface Programs {
  /** The pinned Node. */
  readonly node: string
  /** src/cluster/main.ts. */
  readonly entry: string
  /** src/cluster/guard.sh. */
  readonly guard: string
  readonly containerd: string
  readonly nsenter: string
  /** Where compiled code is kept. Code compiled under other flags does not fit, so each set has a folder of its own. */
  readonly compileCache: string
}

/** Which processes make up a cluster. In the order in which they are stopped, reversed: containerd outlives all. */
export function partsOf(layout: Layout, programs: Programs): Part[] {
  const { dataDir } = layout.config
  const part = (
    name: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Part => {
    return { name, command, env, log: join(layout.logDir, `${name}.log`) }
  }
  const dhow = (flags: readonly string[], ...args: string[]) => [
    programs.node,
    ...flags,
    '--disable-warning=ExperimentalWarning',
    programs.entry,
    ...args,
    '--data-dir',
    dataDir,
  ]
  const inside = (netns: string | undefined, command: readonly string[]) =>
    netns ? [programs.nsenter, `--net=${netns}`, ...command] : command
  const { guard, node, entry } = programs
  return [
    part('guard', ['/bin/sh', guard, 'guard', '--data-dir', dataDir, node, entry], {
      NODE_COMPILE_CACHE: programs.compileCache,
    }),
    ...layout.nodes.map((node) => {
      const command = [programs.containerd, '--config', node.containerd.config]
      return part(`containerd-${node.name}`, inside(node.netns, command))
    }),
    part('server', dhow(SERVER_FLAGS, 'server'), {
      ...FEW_ARENAS,
      NODE_COMPILE_CACHE: programs.compileCache,
    }),
    ...layout.nodes.map((node) => {
      const command = inside(node.netns, dhow(AGENT_FLAGS, 'agent', '--node', node.name))
      return part(`agent-${node.name}`, command, {
        ...FEW_ARENAS,
        NODE_COMPILE_CACHE: programs.compileCache,
      })
    }),
  ]
}

/**
 * The size of young generations, in MB. They grow under load and hardly shrink again, up to three times this: 16 would
 * make a server of many writes a tenth faster, and 26 MB larger for ever.
 */
const SERVER_FLAGS = ['--max-semi-space-size=8']
const AGENT_FLAGS = ['--max-semi-space-size=2', '--v8-pool-size=2']
/** The C library keeps freed memory for each of its arenas. */
const FEW_ARENAS = { MALLOC_ARENA_MAX: '2' }

/** Changes when a running part no longer is what it should be. */
export function partHash(part: Part): string {
  return createHash('sha256')
    .update(JSON.stringify([part.command, part.env]))
    .digest('hex')
    .slice(0, 16)
}

/** The arguments that the running process shows: `nsenter` replaces itself with the program. */
export function runningArgs(part: Part): readonly string[] {
  return part.command[0]!.endsWith('nsenter') ? part.command.slice(2) : part.command
}

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 3_000
const STABLE_MS = 10_000

/** How long to wait before the next start of a part that ended: none at first, doubling while it keeps ending early. */
export function restartDelayMs(earlyExits: number): number {
  return earlyExits === 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (earlyExits - 1))
}

/** How many early exits in a row there have been, after a run of `ranMs`. */
export function countEarlyExits(before: number, ranMs: number): number {
  return ranMs >= STABLE_MS ? 0 : before + 1
}
