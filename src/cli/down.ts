import {
  changeKubeconfig,
  down,
  findCluster,
  hasLostData,
  layoutOf,
  userKubeconfig,
  withoutContext,
} from '../cluster/index.ts'
import { type ClusterOptions, type Context, nameFlag, requireRoot } from './context.ts'
import { Progress } from './output.ts'

export interface DownFlags extends ClusterOptions {
  readonly purge?: boolean
  readonly grace: number
}

export async function downCommand(flags: DownFlags, { clock, terminal }: Context): Promise<void> {
  requireRoot('down')
  const config = await findCluster(flags.name, flags.dataDir)
  if (!config) {
    terminal.err.write(`there is no cluster "${flags.name}" on this machine: nothing to do\n`)
    return
  }
  const layout = layoutOf(config)
  // Of a cluster whose data was deleted under it, nothing is worth keeping.
  const purge = flags.purge || hasLostData(config)
  const progress = new Progress(terminal, () => clock.monotonic())
  try {
    await down({ layout, clock, purge, graceMs: flags.grace * 1000, onStep: (what) => progress.begin(what) })
    progress.end()
  } catch (error) {
    progress.fail()
    throw error
  }
  if (purge) {
    const file = userKubeconfig()
    const changed = await changeKubeconfig(
      file,
      clock,
      (existing) => existing && withoutContext(existing, layout.contextName),
    )
    if (changed) terminal.err.write(`✓ context "${layout.contextName}" is removed from ${file}\n`)
  }
  const name = nameFlag(flags.name)
  const left = purge
    ? 'and its data is deleted'
    : `and its data stays in ${config.dataDir} ("dhow up${name}" starts it again, "dhow down${name} --purge" deletes it)`
  terminal.err.write(`cluster "${flags.name}" is down, ${left}\n`)
}
