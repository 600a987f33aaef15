import { dump } from 'js-yaml'
import { Event } from '../api/index.ts'
import type { KubeObject } from '../schema/index.ts'
import type { Context } from './context.ts'
import { clusterApi, namespaceOf, type ObjectOptions, parseTargets } from './objects.ts'
import { table } from './output.ts'

export interface DescribeFlags extends ObjectOptions {
  readonly selector?: string
}

/** Everything an object says about itself, and what was said about it in Events. */
export async function describeCommand(
  words: readonly string[],
  flags: DescribeFlags,
  { terminal, clock }: Context,
): Promise<void> {
  const selection = flags.selector === undefined ? {} : { labelSelector: flags.selector }
  const api = await clusterApi(flags)
  try {
    for (const { kind, name } of parseTargets(words)) {
      const namespace = namespaceOf(kind, flags)
      const objects =
        name === undefined
          ? (await api.list(kind, { namespace, ...selection })).items
          : [await api.get(kind, { namespace, name })]
      for (const object of objects) {
        const fieldSelector = `involvedObject.kind=${kind.resource.kind},involvedObject.name=${object.metadata.name}`
        const events = await api.list(Event, { namespace: namespace ?? 'default', fieldSelector })
        terminal.out.write(`${describeObject(object)}${describeEvents(events.items, clock.now())}\n`)
      }
    }
  } finally {
    api.close()
  }
}

function describeObject(object: KubeObject): string {
  const { apiVersion: _, kind, metadata, ...rest } = object as KubeObject & Record<string, unknown>
  const { name, namespace, labels, annotations, creationTimestamp } = metadata
  const head: Record<string, unknown> = { Kind: kind, Name: name }
  if (namespace) head.Namespace = namespace
  if (labels) head.Labels = labels
  const shown = Object.entries(annotations ?? {}).filter(
    ([key]) => !key.endsWith('last-applied-configuration'),
  )
  if (shown.length > 0) head.Annotations = Object.fromEntries(shown)
  head.Created = creationTimestamp
  for (const [key, value] of Object.entries(rest)) {
    // A Secret is described by the size of its values, never by them.
    head[key[0]!.toUpperCase() + key.slice(1)] =
      kind === 'Secret' && key === 'data' ? sizes(value as Record<string, string>) : value
  }
  return dump(head, { lineWidth: 120, noRefs: true })
}

const sizes = (data: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, `${Buffer.from(value, 'base64').length} bytes`]),
  )

function describeEvents(events: readonly Event[], nowMs: number): string {
  if (events.length === 0) return 'Events: none\n'
  const at = (event: Event) =>
    Date.parse(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp)
  const rows = [...events]
    .sort((a, b) => at(a) - at(b))
    .map((event) => [
      `  ${event.type ?? ''}`,
      event.reason ?? '',
      `${age(nowMs - at(event))}${(event.count ?? 1) > 1 ? ` (x${event.count})` : ''}`,
      event.message ?? '',
    ])
  return `Events:\n${table([['  TYPE', 'REASON', 'AGE', 'MESSAGE'], ...rows])}`
}

/** `45s`, `3m`, `5h`, `2d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}
