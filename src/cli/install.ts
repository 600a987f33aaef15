import { describeMissing, installPackages, missingRequirements } from '../cluster/index.ts'
import { type Context, requireRoot } from './context.ts'
import { Progress } from './output.ts'

export interface InstallFlags {
  readonly dryRun?: boolean
}

/** What `up` does first, alone: for images of machines, and for tests. */
export async function installCommand(flags: InstallFlags, { terminal, clock }: Context): Promise<void> {
  const missing = missingRequirements()
  if (missing.length === 0) {
    terminal.err.write('nothing is missing\n')
    return
  }
  terminal.out.write(`${describeMissing(missing)}\n`)
  if (flags.dryRun) return
  requireRoot('install')
  const progress = new Progress(terminal, () => clock.monotonic())
  progress.begin('installing packages')
  try {
    await installPackages(missing, (line) =>
      progress.update(`installing packages: ${line.trim().slice(0, 60)}`),
    )
  } catch (error) {
    progress.fail()
    throw error
  }
  progress.end('packages are installed')
}
