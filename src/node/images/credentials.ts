import type { Secret } from '../../api/index.ts'
import type { AuthConfig } from '../cri/index.ts'
import type { ImageReference } from './reference.ts'

export interface Credential {
  readonly auth: AuthConfig
  /** Where it comes from: namespace, name and uid. */
  readonly secret: string
}

interface Entry {
  /** Registry host, with an optional path, as the secret names it. */
  readonly pattern: string
  readonly auth: AuthConfig
}

const HUB_ALIASES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

/** What a pull secret holds; a secret of another type or with broken content gives nothing. */
function credentialsOf(secret: Secret): readonly Entry[] {
  const json =
    secret.type === 'kubernetes.io/dockerconfigjson'
      ? parse(secret.data?.['.dockerconfigjson'])?.auths
      : secret.type === 'kubernetes.io/dockercfg'
        ? parse(secret.data?.['.dockercfg'])
        : undefined
  if (typeof json !== 'object' || json === null) return []
  return Object.entries(json).flatMap(([pattern, value]) => {
    const auth = authOf(value)
    return auth ? [{ pattern: stripScheme(pattern), auth }] : []
  })
}

function parse(base64: string | undefined): Record<string, unknown> | undefined {
  if (base64 === undefined) return undefined
  try {
    const value = JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function authOf(value: unknown): AuthConfig | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { username, password, auth } = value as Record<string, unknown>
  if (typeof username === 'string' && typeof password === 'string') return { username, password }
  if (typeof auth !== 'string') return undefined
  const text = Buffer.from(auth, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** `https://index.docker.io/v1/` is how Docker writes its own registry. */
const stripScheme = (pattern: string): string =>
  pattern.replace(/^https?:\/\//, '').replace(/\/(v1|v2)?\/?$/, '')

/** The credentials that fit an image, the most specific first, to be tried in turn. */
export function matchingCredentials(
  secrets: readonly Secret[],
  image: ImageReference,
): readonly Credential[] {
  return secrets
    .flatMap((secret) => credentialsOf(secret).map((e) => ({ ...e, secret: idOf(secret) })))
    .filter((e) => matches(e.pattern, image))
    .sort((a, b) => b.pattern.length - a.pattern.length)
    .map(({ auth, secret }) => ({ auth, secret }))
}

const idOf = ({ metadata }: Secret): string => `${metadata.namespace}/${metadata.name}/${metadata.uid}`

/** Host names match part by part, `*` standing for one; ports must be equal; a path must be a prefix of the image's. */
function matches(pattern: string, image: ImageReference): boolean {
  const slash = pattern.indexOf('/')
  const host = slash < 0 ? pattern : pattern.slice(0, slash)
  const path = slash < 0 ? '' : pattern.slice(slash + 1)
  if (HUB_ALIASES.has(host) ? image.registry !== 'docker.io' : !hostMatches(host, image.registry))
    return false
  return path === '' || image.repository === path || image.repository.startsWith(`${path}/`)
}

function hostMatches(pattern: string, host: string): boolean {
  const [patternName = '', patternPort = ''] = pattern.split(':')
  const [name = '', port = ''] = host.split(':')
  if (patternPort !== port) return false
  const wanted = patternName.split('.')
  const parts = name.split('.')
  return wanted.length === parts.length && wanted.every((w, i) => globMatches(w, parts[i]!))
}

function globMatches(glob: string, text: string): boolean {
  if (!glob.includes('*')) return glob === text
  const [head = '', ...tails] = glob.split('*')
  if (!text.startsWith(head)) return false
  let at = head.length
  for (const [i, tail] of tails.entries()) {
    const found =
      i === tails.length - 1
        ? text.length - tail.length >= at && text.endsWith(tail)
          ? text.length - tail.length
          : -1
        : text.indexOf(tail, at)
    if (found < 0) return false
    at = found + tail.length
  }
  return true
}
