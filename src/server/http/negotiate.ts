import { ApiError } from '../../api/index.ts'

export type Media = 'json' | 'yaml' | 'protobuf'

/** How an answer is to look. */
export interface Representation {
  readonly media: Media
  /** The object itself, rows for people, or its metadata alone. */
  readonly as: 'object' | 'table' | 'partial' | 'discovery'
  /** The version that goes with `as`: 'v1', for discovery 'v2' or 'v2beta1'. */
  readonly version: string
}

const MEDIA: Readonly<Record<string, Media>> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
}

export const CONTENT_TYPE: Readonly<Record<Media, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
}

const JSON_OBJECT: Representation = { media: 'json', as: 'object', version: '' }
const known = new Map<string, readonly Representation[]>()
const MAX_KNOWN = 256

/** What the client accepts, best first; unknown types are left out. */
function accepted(header: string): readonly Representation[] {
  const before = known.get(header)
  if (before) return before
  const found = header
    .slice(0, 4096)
    .split(',')
    .map(readClause)
    .filter((c) => c !== undefined)
    .sort((a, b) => b.q - a.q)
    .map((c) => c.representation)
  if (known.size < MAX_KNOWN) known.set(header, found)
  return found
}

function readClause(clause: string): { q: number; representation: Representation } | undefined {
  const [type, ...parameters] = clause.split(';').map((s) => s.trim())
  const media = MEDIA[(type ?? '').toLowerCase()]
  if (!media) return undefined
  let q = 1
  let as = ''
  let version = ''
  let group = ''
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=')
    if (name === 'q') q = Number(value) || 0
    else if (name === 'as') as = value
    else if (name === 'v') version = value
    else if (name === 'g') group = value
  }
  if (q <= 0) return undefined
  if (as === '') return { q, representation: { media, as: 'object', version: '' } }
  if (as === 'Table' && group === 'meta.k8s.io' && version === 'v1' && media !== 'protobuf')
    return { q, representation: { media, as: 'table', version } }
  if (
    (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') &&
    group === 'meta.k8s.io' &&
    version === 'v1'
  ) {
    return { q, representation: { media, as: 'partial', version } }
  }
  if (as === 'APIGroupDiscoveryList' && group === 'apidiscovery.k8s.io' && version === 'v2')
    return { q, representation: { media, as: 'discovery', version } }
  return undefined
}

/** The best of what the client accepts that `possible` allows; 406 when there is none. */
export function negotiate(
  header: string | undefined,
  possible: (r: Representation) => boolean,
): Representation {
  if (!header || header === 'application/json' || header === '*/*') return JSON_OBJECT
  for (const representation of accepted(header)) if (possible(representation)) return representation
  throw new ApiError(
    'NotAcceptable',
    `only the following media types are accepted: ${Object.values(CONTENT_TYPE).join(', ')}`,
    undefined,
  )
}

/** The media type of a body without its parameters; '' when none is given. */
export function mediaTypeOf(contentType: string | undefined): string {
  if (!contentType) return ''
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}
