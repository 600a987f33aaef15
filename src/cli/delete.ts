import { readFileSync } from 'node:fs'
import { type Api, isApiError, type Key } from '../api/index.ts'
import { sleep } from '../base/index.ts'
import type { Kind } from '../schema/index.ts'
import { type Context, UsageError } from './context.ts'
import { readManifests } from './manifests.ts'
import { clusterApi, namespaceOf, type ObjectOptions, parseNamed } from './objects.ts'

export interface DeleteFlags extends ObjectOptions {
  readonly filename?: readonly string[]
  readonly gracePeriod?: number
  readonly force?: boolean
  readonly ignoreNotFound?: boolean
  /** Until the objects are gone: pods have ended, finalizers are through. */
  readonly wait: boolean
  readonly timeout?: number
}

interface Doomed {
  readonly kind: Kind
  readonly key: Key
}

export async function deleteCommand(
  words: readonly string[],
  flags: DeleteFlags,
  { terminal, clock }: Context,
): Promise<void> {
  const doomed = flags.filename ? writtenIn(flags.filename, flags) : namedBy(words, flags)
  const api = await clusterApi(flags)
  const grace = flags.force ? 0 : flags.gracePeriod
  const options = {
    propagationPolicy: 'Background',
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
  } as const
  try {
    const going: (Doomed & { readonly uid: string })[] = []
    for (const { kind, key } of doomed) {
      const uid = await uidOf(api, kind, key)
      try {
        await api.delete(kind, key, options)
        terminal.out.write(`${kind.resource.singular} "${key.name}" deleted\n`)
        if (uid !== undefined) going.push({ kind, key, uid })
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error
        if (flags.ignoreNotFound) continue
        // The others are to go all the same.
        terminal.err.write(`dhow: ${error.message}\n`)
        process.exitCode = 1
      }
    }
    if (!flags.wait) return
    const deadline = flags.timeout === undefined ? undefined : clock.monotonic() + flags.timeout * 1000
    for (const { kind, key, uid } of going) {
      while ((await uidOf(api, kind, key)) === uid) {
        if (deadline !== undefined && clock.monotonic() > deadline)
          throw new Error(`timed out waiting for the end of ${kind.resource.singular} "${key.name}"`)
        await sleep(clock, 100)
      }
    }
  } finally {
    api.close()
  }
}

/** Undefined when it is not there. Another object of the same name is another one. */
async function uidOf(api: Api, kind: Kind, key: Key): Promise<string | undefined> {
  try {
    return (await api.get(kind, key)).metadata.uid
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined
    throw error
  }
}

function namedBy(words: readonly string[], flags: DeleteFlags): Doomed[] {
  if (words.length === 0)
    throw new UsageError('expected objects: dhow delete TYPE/NAME, or dhow delete -f FILE')
  return parseNamed(words).map(({ kind, name }) => ({
    kind,
    key: { namespace: namespaceOf(kind, flags), name },
  }))
}

/** What manifests describe, in the other order: what uses others goes first. */
function writtenIn(paths: readonly string[], flags: DeleteFlags): Doomed[] {
  return readManifests(paths, () => readFileSync(0, 'utf8'))
    .reverse()
    .map(({ kind, object, source }) => {
      const { name, namespace } = object.metadata as { name?: string; namespace?: string }
      if (name === undefined) throw new UsageError(`cannot delete "${source}": expected metadata.name`)
      const own = kind.resource.namespaced ? namespace : undefined
      return { kind, key: { namespace: own ?? namespaceOf(kind, flags), name } }
    })
}
