import { type LabelSelector, servedKinds } from '../api/index.ts'
import { type HttpsApi, httpsApi } from '../client/index.ts'
import {
  findUserContext,
  isAliveSync,
  type Kubeconfig,
  loadKubeconfig,
  readSupervisorState,
  userKubeconfig,
} from '../cluster/index.ts'
import type { Kind } from '../schema/index.ts'
import { type ClusterOptions, existingCluster, nameFlag, UsageError } from './context.ts'
import { processTerminal } from './output.ts'

export interface ObjectOptions extends ClusterOptions {
  readonly namespace?: string
}

/** The API of a cluster of this machine, with the administrator's key: the cluster's own, or the one in the user's kubeconfig. */
export async function clusterApi(options: ClusterOptions): Promise<HttpsApi> {
  const { layout } = await existingCluster(options)
  const state = await readSupervisorState(layout.runDir).catch(() => undefined)
  const server = state?.parts.server?.process
  if (!state || (!isAliveSync(state.supervisor) && !(server && isAliveSync(server)))) {
    throw new UsageError(
      `cannot reach cluster "${options.name}": it is down ("dhow up${nameFlag(options.name)}" starts it)`,
    )
  }
  let config: Kubeconfig | undefined
  try {
    config = await loadKubeconfig(layout.kubeconfig)
  } catch {
    config = await loadKubeconfig(userKubeconfig()).catch(() => undefined)
  }
  const access = config && findUserContext(config, layout.contextName)
  if (!access)
    throw new UsageError(
      `cannot find keys for cluster "${options.name}": run as root, or put its context in the kubeconfig (sudo dhow kubeconfig)`,
    )
  return httpsApi({
    server: access.server,
    tls: { ca: access.caPem, cert: access.certPem, key: access.keyPem },
    userAgent: 'dhow',
    timeoutMs: 30_000,
    onWarning: (text) => void processTerminal.err.write(`Warning: ${text}\n`),
  })
}

/** `pods`, `po`, `pod`, `Pod`, `deployments.apps`: the kind that a user means. */
function kindNamed(word: string): Kind {
  const lower = word.toLowerCase()
  const [bare = '', ...group] = lower.split('.')
  const found = servedKinds.filter(({ resource: r }) => {
    if (
      group.length > 0 &&
      r.group !== group.join('.') &&
      !(group[0] === r.version && group.slice(1).join('.') === r.group)
    )
      return false
    return (
      r.plural === bare || r.singular === bare || r.kind.toLowerCase() === bare || r.shortNames.includes(bare)
    )
  })
  if (found.length === 0)
    throw new UsageError(`cannot find a resource type "${word}" (kubectl api-resources lists them)`)
  // Several versions or groups serve the same name: Event and HorizontalPodAutoscaler do. The first is the preferred one.
  return found[0]!
}

/** What `all` stands for: the kinds that run an application, each in its preferred version. */
function kindsOfAll(): Kind[] {
  const kinds = servedKinds.filter((kind) => kind.resource.categories.includes('all'))
  return kinds.filter((kind) => kind === kindNamed(kind.resource.plural))
}

/** `pod/web-1`, `deployment.apps/web`. */
export function nameOf({ resource: { group, kind } }: Kind, name: string): string {
  return `${kind.toLowerCase()}${group ? `.${group}` : ''}/${name}`
}

export interface Target {
  readonly kind: Kind
  /** undefined: all of the kind. */
  readonly name: string | undefined
}

/** `pods`, `pods,services`, `pod web api`, `deployment/web service/web`: as kubectl takes them. */
export function parseTargets(words: readonly string[]): Target[] {
  const [first, ...rest] = words
  if (first === undefined)
    throw new UsageError('expected a resource type, such as "pods" or "deployment/web"')
  if (words.some((word) => word.includes('/'))) {
    return words.map((word) => {
      const [type = '', name, ...more] = word.split('/')
      if (!type || !name || more.length > 0) throw new UsageError(`cannot read "${word}": expected TYPE/NAME`)
      return { kind: kindNamed(type), name }
    })
  }
  const kinds = first.split(',').flatMap((word) => (word === 'all' ? kindsOfAll() : [kindNamed(word)]))
  return kinds.flatMap((kind): Target[] =>
    rest.length === 0 ? [{ kind, name: undefined }] : rest.map((name) => ({ kind, name })),
  )
}

/** The same, for commands that act on named objects only. */
export function parseNamed(words: readonly string[]): { kind: Kind; name: string }[] {
  return parseTargets(words).map(({ kind, name }) => {
    if (name === undefined) throw new UsageError(`expected a name: ${kind.resource.singular}/NAME`)
    return { kind, name }
  })
}

export const namespaceOf = (kind: Kind, options: ObjectOptions) =>
  kind.resource.namespaced ? (options.namespace ?? 'default') : undefined

/** A selector as the API's queries write it: `app=web,tier in (front,back),!old`. */
export function selectorText({ matchLabels, matchExpressions }: LabelSelector): string {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  const more = (matchExpressions ?? []).map(({ key, operator, values }) => {
    if (operator === 'Exists') return key
    if (operator === 'DoesNotExist') return `!${key}`
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${(values ?? []).join(',')})`
  })
  return [...equal, ...more].join(',')
}
