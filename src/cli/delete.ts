import { readFileSync } from 'node:fs'
import { isApiError } from '../api/index.ts'
import type { Context } from './context.ts'
import { readManifests } from './manifests.ts'
import { clusterApi, namespaceOf, type ObjectOptions, parseNamed } from './objects.ts'

export async function deleteCommand(
  words: readonly string[],
  flags: DeleteFlags,
  { terminal }: Context,
): Promise<void> {
  const api = await clusterApi(flags)
  try {
    const named = flags.filename
      ? readManifests(flags.filename, () => readFileSync(0, 'utf8'))
          .reverse()
          .map(({ kind, object }) => {
            const metadata = object.metadata as { name: string; namespace?: string }
            return { kind, name: metadata.name, namespace: metadata.namespace ?? namespaceOf(kind, flags) }
          })
      : parseNamed(words).map(({ kind, name }) => ({ kind, name, namespace: namespaceOf(kind, flags) }))
    for (const { kind, name, namespace } of named) {
      const key = { namespace: kind.resource.namespaced ? namespace : undefined, name }
      try {
        const grace = flags.force
          ? { gracePeriodSeconds: 0 }
          : flags.gracePeriod === undefined
            ? {}
            : { gracePeriodSeconds: flags.gracePeriod }
        await api.delete(kind, key, { ...grace, propagationPolicy: 'Background' })
        terminal.out.write(`${kind.resource.singular} "${name}" deleted\n`)
      } catch (error) {
        if (!flags.ignoreNotFound || !isApiError(error, 'NotFound')) throw error
      }
    }
  } finally {
    api.close()
  }
}

export interface DeleteFlags extends ObjectOptions {
  readonly filename?: readonly string[]
  readonly gracePeriod?: number
  readonly force?: boolean
  readonly ignoreNotFound?: boolean
}
