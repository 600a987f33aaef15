import { delimiter, dirname } from 'node:path'
import { type Clock, systemClock } from '../base/index.ts'
import type { ClusterConfig, Layout } from '../cluster/index.ts'
import { processTerminal, type Terminal } from './output.ts'

/** What every command is given besides its own options. */
export interface Context {
  readonly clock: Clock
  readonly terminal: Terminal
  /** The command as the user types it: `./dhow`, or `dhow` when it is found on the PATH. */
  readonly self: string
}

export function processContext(): Context {
  const typed = process.env.DHOW_COMMAND ?? 'dhow'
  // Not for the processes that are started from here.
  delete process.env.DHOW_COMMAND
  const isOnPath = (process.env.PATH ?? '').split(delimiter).includes(dirname(typed))
  return { clock: systemClock(), terminal: processTerminal, self: isOnPath ? 'dhow' : typed }
}

export interface ClusterOptions {
  readonly name: string
  readonly dataDir?: string
}

/** A mistake of the user's: printed without "because". */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The option that names a cluster, where it needs one: ` --name staging`, or nothing. */
export const nameFlag = (name: string) => (name === 'dhow' ? '' : ` --name ${name}`)

export async function existingCluster(
  options: ClusterOptions,
): Promise<{ config: ClusterConfig; layout: Layout }> {
  const { findCluster, layoutOf, listClusters } = await import('../cluster/index.ts')
  const config = await findCluster(options.name, options.dataDir)
  if (!config) {
    const where = options.dataDir === undefined ? 'on this machine' : `in "${options.dataDir}"`
    const others = (await listClusters()).map((c) => `--name ${c.name}`)
    const there = others.length > 0 ? `; there is ${others.join(', ')}` : ''
    throw new UsageError(
      `cannot find cluster "${options.name}": there is none ${where} ("dhow up${nameFlag(options.name)}" starts it${there})`,
    )
  }
  return { config, layout: layoutOf(config) }
}

export function requireRoot(command: string): void {
  if (process.getuid?.() !== 0)
    throw new UsageError(`cannot run "dhow ${command}" as this user: it needs root (try sudo)`)
}
