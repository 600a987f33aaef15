import { type Deployment, Pod } from '../api/index.ts'
import { type HttpsApi, objectPath, query } from '../client/index.ts'
import { type Context, UsageError } from './context.ts'
import { clusterApi, type ObjectOptions, parseTargets, selectorText } from './objects.ts'
import type { Terminal } from './output.ts'

export interface LogsFlags extends ObjectOptions {
  readonly container?: string
  readonly follow?: boolean
  readonly previous?: boolean
  readonly timestamps?: boolean
  readonly tail?: number
  readonly since?: number
}

export async function logsCommand(word: string, flags: LogsFlags, { terminal }: Context): Promise<void> {
  const api = await clusterApi(flags)
  try {
    const pod = await podOf(api, word, flags)
    const { name } = pod.metadata
    const search = query({
      container: containerOf(pod, flags.container, terminal),
      follow: flags.follow,
      previous: flags.previous,
      timestamps: flags.timestamps,
      tailLines: flags.tail,
      sinceSeconds: flags.since,
    })
    const path = `${objectPath(Pod.resource, { namespace: flags.namespace ?? 'default', name }, 'log')}${search}`
    const response = await api.request({ path, long: true })
    for await (const chunk of response.body) terminal.out.write((chunk as Buffer).toString())
  } finally {
    api.close()
  }
}

/** `web-1`, `pod/web-1`, or `deployment/web`: then the first of its pods. */
export async function podOf(api: HttpsApi, word: string, options: ObjectOptions): Promise<Pod> {
  const namespace = options.namespace ?? 'default'
  if (!word.includes('/')) return api.get(Pod, { namespace, name: word })
  const [{ kind, name }] = parseTargets([word]) as [{ kind: typeof Pod; name: string }]
  if (kind === Pod) return api.get(Pod, { namespace, name })
  const owner = (await api.get(kind, { namespace, name })) as unknown as Deployment
  const selector = owner.spec?.selector
  if (!selector) throw new UsageError(`cannot choose a pod of "${word}": expected a workload with a selector`)
  // A Service's selector is the labels themselves.
  const labelSelector = selectorText(
    kind.resource.kind === 'Service'
      ? { matchLabels: selector as unknown as Record<string, string> }
      : selector,
  )
  const { items } = await api.list(Pod, { namespace, labelSelector })
  const pod = items.find((p) => p.status.phase === 'Running' && !p.metadata.deletionTimestamp) ?? items[0]
  if (!pod) throw new UsageError(`cannot choose a pod of "${word}": it has none`)
  return pod
}

/** The container that is meant where none is named: the one that the pod says, else its first. */
export function containerOf(pod: Pod, wanted: string | undefined, terminal: Terminal): string {
  const names = pod.spec.containers.map((c) => c.name)
  if (wanted !== undefined) return wanted
  const said = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container']
  const chosen = said !== undefined && names.includes(said) ? said : names[0]!
  if (names.length > 1 && said === undefined)
    terminal.err.write(`Defaulted container "${chosen}" out of: ${names.join(', ')}\n`)
  return chosen
}
