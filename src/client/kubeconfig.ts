import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { load } from 'js-yaml'
import type { TlsMaterial } from './http.ts'
import type { HttpsApiOptions } from './https-api.ts'

/** What a kubeconfig says about reaching one cluster as one user. */
export interface Connection extends Pick<HttpsApiOptions, 'server' | 'tls' | 'token'> {
  readonly context: string
  /** The namespace to use when none is named. */
  readonly namespace: string
}

interface Named {
  readonly name?: unknown
  /** The directory that its relative paths are relative to. */
  readonly from: string
  readonly [key: string]: unknown
}

interface Merged {
  readonly clusters: ReadonlyMap<string, Named>
  readonly users: ReadonlyMap<string, Named>
  readonly contexts: ReadonlyMap<string, Named>
  readonly current: string
}

/**
 * The connection of a context, `current-context` when none is given. `files` in order of precedence: the first to
 * name an entry wins, as with KUBECONFIG. Fails, saying where, on what is missing or cannot be done (exec plugins).
 */
export function loadKubeconfig(files: readonly string[], context?: string): Connection {
  const merged = merge(files)
  const name = context ?? merged.current
  if (name === '')
    throw new KubeconfigError(`cannot choose a context: ${files.join(':')} name no current-context`)
  const chosen = part(merged.contexts, 'context', name)
  const cluster = part(merged.clusters, 'cluster', text(chosen.cluster) ?? '')
  const userName = text(chosen.user)
  const user = userName ? part(merged.users, 'user', userName) : { from: '' }
  const server = text(cluster.server)
  if (!server) throw new KubeconfigError(`cannot use context "${name}": its cluster has no server`)
  for (const unsupported of ['exec', 'auth-provider', 'username', 'password', 'as']) {
    if (user[unsupported] !== undefined) {
      throw new KubeconfigError(
        `cannot use user "${userName}": "${unsupported}" is not supported; use a certificate or a token`,
      )
    }
  }
  if (cluster['proxy-url'] !== undefined)
    throw new KubeconfigError(`cannot use context "${name}": "proxy-url" is not supported`)
  const token = tokenOf(user)
  return {
    context: name,
    namespace: text(chosen.namespace) || 'default',
    server,
    tls: tlsOf(cluster, user),
    ...(token === undefined ? {} : { token }),
  }
}

/** A kubeconfig that cannot be read or used. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError'
}

/** A token that is read from its file again whenever it is asked for: the file is renewed in place. */
export function tokenFromFile(file: string): () => string {
  return () => readFileSync(file, 'utf8').trim()
}

const MAX_BYTES = 16 * 1024 * 1024

function merge(files: readonly string[]): Merged {
  const clusters = new Map<string, Named>()
  const users = new Map<string, Named>()
  const contexts = new Map<string, Named>()
  let current = ''
  let found = false
  for (const file of files) {
    const config = read(file)
    if (config === undefined) continue
    found = true
    current ||= text(config['current-context']) ?? ''
    const from = dirname(resolve(file))
    for (const [field, member, all] of [
      ['clusters', 'cluster', clusters],
      ['users', 'user', users],
      ['contexts', 'context', contexts],
    ] as const) {
      const list = config[field]
      for (const entry of Array.isArray(list) ? (list as Record<string, unknown>[]) : []) {
        const name = text(entry?.name)
        const value = entry?.[member]
        if (name !== undefined && !all.has(name) && isObject(value)) all.set(name, { ...value, from })
      }
    }
  }
  if (!found) throw new KubeconfigError(`cannot find a kubeconfig: none of ${files.join(', ')} exists`)
  return { clusters, users, contexts, current }
}

function read(file: string): Record<string, unknown> | undefined {
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new KubeconfigError(`cannot read kubeconfig ${file}`, { cause })
  }
  if (content.length > MAX_BYTES)
    throw new KubeconfigError(`cannot read kubeconfig ${file}: it is over 16 MiB`)
  try {
    const config = content.trim() === '' ? {} : load(content)
    return isObject(config) ? config : {}
  } catch (cause) {
    throw new KubeconfigError(`cannot parse kubeconfig ${file}`, { cause })
  }
}

function part(all: ReadonlyMap<string, Named>, what: string, name: string): Named {
  const found = all.get(name)
  if (found) return found
  const known = [...all.keys()].join(', ') || 'none'
  throw new KubeconfigError(`cannot find ${what} "${name}" in the kubeconfig: it has ${known}`)
}

function tlsOf(cluster: Named, user: Record<string, unknown>): TlsMaterial {
  const ca = pem(cluster, 'certificate-authority')
  const cert = pem(user, 'client-certificate')
  const key = pem(user, 'client-key')
  const serverName = text(cluster['tls-server-name'])
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
  }
}

/** `<name>-data` in base64, else the file called `<name>`. */
function pem(entry: Record<string, unknown>, name: string): Buffer | undefined {
  const data = text(entry[`${name}-data`])
  if (data) return Buffer.from(data, 'base64')
  const file = text(entry[name])
  if (!file) return undefined
  const path = resolve(text(entry.from) ?? '', file)
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new KubeconfigError(`cannot read ${name} ${path}`, { cause })
  }
}

function tokenOf(user: Record<string, unknown>): string | (() => string) | undefined {
  const file = text(user.tokenFile)
  return file ? tokenFromFile(resolve(text(user.from) ?? '', file)) : text(user.token) || undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
