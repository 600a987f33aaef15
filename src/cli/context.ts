import { type Clock, systemClock } from '../base/index.ts'
import type { ClusterConfig, Layout } from '../cluster/index.ts'
import { processTerminal, type Terminal } from './output.ts'

/** What every command is given besides its own options. */
export interface Context {
  readonly clock: Clock
  readonly terminal: Terminal
}

export function processContext(): Context {
  return { clock: systemClock(), terminal: processTerminal }
}

export interface ClusterOptions {
  readonly name: string
  readonly dataDir?: string
}

/** A mistake of the user's: printed without "because". */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export async function existingCluster(
  options: ClusterOptions,
): Promise<{ config: ClusterConfig; layout: Layout }> {
  const { findCluster, layoutOf } = await import('../cluster/index.ts')
  const config = await findCluster(options.name, options.dataDir)
  if (!config) {
    throw new UsageError(
      `cannot find cluster "${options.name}": there is none on this machine (start it: dhow up${options.name === 'dhow' ? '' : ` --name ${options.name}`})`,
    )
  }
  return { config, layout: layoutOf(config) }
}

export function requireRoot(command: string): void {
  if (process.getuid?.() !== 0)
    throw new UsageError(`cannot run "dhow ${command}" as this user: it needs root (try sudo)`)
}
