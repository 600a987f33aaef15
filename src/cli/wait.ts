import { isApiError } from '../api/index.ts'
import { sleep } from '../base/index.ts'
import type { KubeObject } from '../schema/index.ts'
import { type Context, UsageError } from './context.ts'
import { clusterApi, namespaceOf, type ObjectOptions, parseNamed } from './objects.ts'

export interface WaitFlags extends ObjectOptions {
  readonly for: string
  readonly timeout: number
}

type Check = (object: KubeObject | undefined) => boolean

/** `delete`, `create`, `condition=Ready`, `condition=Available=False`. */
export function parseWaitFor(text: string): Check {
  if (text === 'delete') return (object) => object === undefined
  if (text === 'create') return (object) => object !== undefined
  const [what, name, value = 'True'] = text.split('=')
  if (what !== 'condition' || !name)
    throw new UsageError(`cannot wait for "${text}": expected delete, create or condition=NAME[=VALUE]`)
  return (object) => {
    const status = (object as { status?: { conditions?: { type: string; status: string }[] } } | undefined)
      ?.status
    return (status?.conditions ?? []).some(
      (c) => c.type.toLowerCase() === name.toLowerCase() && c.status.toLowerCase() === value.toLowerCase(),
    )
  }
}

export async function waitCommand(
  words: readonly string[],
  flags: WaitFlags,
  { terminal, clock }: Context,
): Promise<void> {
  const check = parseWaitFor(flags.for)
  const targets = parseNamed(words)
  const api = await clusterApi(flags)
  const deadline = clock.monotonic() + flags.timeout * 1000
  try {
    for (const { kind, name } of targets) {
      const key = { namespace: namespaceOf(kind, flags), name }
      for (;;) {
        const object = await api.get(kind, key).catch((error) => {
          if (isApiError(error, 'NotFound')) return undefined
          throw error
        })
        if (check(object)) break
        if (object === undefined && flags.for.startsWith('condition'))
          throw new UsageError(`cannot wait for ${kind.resource.singular} "${name}": there is none`)
        if (clock.monotonic() > deadline)
          throw new Error(`timed out waiting for ${flags.for} on ${kind.resource.plural}/${name}`)
        await sleep(clock, 100)
      }
      terminal.out.write(
        `${kind.resource.singular}/${name} ${flags.for === 'delete' ? 'deleted' : 'condition met'}\n`,
      )
    }
  } finally {
    api.close()
  }
}
