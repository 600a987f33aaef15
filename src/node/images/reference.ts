/** The parts of an image reference, with what is left out filled in: `nginx` is docker.io/library/nginx:latest. */
export interface ImageReference {
  readonly registry: string
  readonly repository: string
  readonly tag: string | undefined
  readonly digest: string | undefined
  /** All of it, spelled out. */
  readonly full: string
}

const DOCKER_HUB = 'docker.io'
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/

/** undefined: the text is not an image reference. */
export function parseImage(text: string): ImageReference | undefined {
  if (text.length > 1024) return undefined
  let rest = text
  let digest: string | undefined
  const at = rest.indexOf('@')
  if (at >= 0) {
    digest = rest.slice(at + 1)
    rest = rest.slice(0, at)
    if (!DIGEST.test(digest)) return undefined
  }
  let tag: string | undefined
  const colon = rest.lastIndexOf(':')
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1)
    rest = rest.slice(0, colon)
    if (!TAG.test(tag)) return undefined
  }
  const slash = rest.indexOf('/')
  const first = slash < 0 ? '' : rest.slice(0, slash)
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost'
  const registry = hasRegistry ? (first === 'index.docker.io' ? DOCKER_HUB : first) : DOCKER_HUB
  let repository = hasRegistry ? rest.slice(slash + 1) : rest
  if (registry === DOCKER_HUB && !repository.includes('/')) repository = `library/${repository}`
  if (!REPOSITORY.test(repository)) return undefined
  if (!tag && !digest) tag = 'latest'
  const full = `${registry}/${repository}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`
  return { registry, repository, tag, digest, full }
}
