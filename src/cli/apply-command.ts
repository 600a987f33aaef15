import { readFileSync } from 'node:fs'
import { applyAll, describeApplied } from './apply.ts'
import { type Context, UsageError } from './context.ts'
import { checkManifest, readManifests } from './manifests.ts'
import { clusterApi, type ObjectOptions } from './objects.ts'

export interface ApplyFlags extends ObjectOptions {
  readonly filename?: readonly string[]
}

export async function applyCommand(flags: ApplyFlags, { terminal }: Context): Promise<void> {
  if (!flags.filename) throw new UsageError('expected manifests: -f FILE, -f FOLDER or -f -')
  const manifests = readManifests(flags.filename, () => readFileSync(0, 'utf8'))
  for (const manifest of manifests) checkManifest(manifest)
  const api = await clusterApi(flags)
  try {
    await applyAll(api, manifests, flags.namespace ?? 'default', (applied) =>
      terminal.out.write(`${describeApplied(applied)}\n`),
    )
  } finally {
    api.close()
  }
}
