import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { kindFor, servedKinds } from '../api/index.ts'
import { apiVersionOf, decode, type Kind, kubernetesYaml } from '../schema/index.ts'
import { UsageError } from './context.ts'
import { type Lines, lineOfField, linesOf } from './yaml-lines.ts'

/** An object as an author wrote it, and where. */
export interface Manifest {
  readonly source: string
  readonly kind: Kind
  readonly object: Json
  /** Where a field of it stands in the source. */
  readonly lineOf: (field: string) => number | undefined
}

type Json = { readonly [key: string]: unknown }

const MAX_BYTES = 32 * 1024 * 1024
const EXTENSIONS = /\.(ya?ml|json)$/

/** The manifests at each path: a file, a folder's .yaml, .yml and .json files (not of those below it), or `-`. */
export function readManifests(paths: readonly string[], stdin: () => string): Manifest[] {
  const manifests = paths
    .flatMap((path) => filesAt(path))
    .flatMap((file) => parse(file === '-' ? stdin() : readFileSync(file, 'utf8'), file))
  if (manifests.length === 0) throw new UsageError(`cannot find manifests in ${paths.join(', ')}`)
  return manifests
}

/** Refuses what does not fit its type, with all mistakes at once: before anything is done with any manifest. */
export function checkManifest({ source, kind, object, lineOf }: Manifest): void {
  const { problems } = decode(kind, object, { unknown: 'strict' })
  if (problems.length === 0) return
  const mistakes = problems.map(({ field, text }) => `\n  line ${lineOf(field) ?? '?'}: ${text}`)
  const name = (object.metadata as { name?: string }).name ?? ''
  throw new UsageError(
    `cannot use "${source}": ${kind.resource.kind} "${name}" is not as its type wants it:${mistakes.slice(0, 20).join('')}`,
  )
}

function filesAt(path: string): string[] {
  if (path === '-') return ['-']
  if (/^https?:/.test(path))
    throw new UsageError(
      `cannot read "${path}": expected a file or a folder (fetch it first: curl -fsSL ${path} | dhow apply -f -)`,
    )
  if (!existsSync(path)) throw new UsageError(`cannot read "${path}": there is no such file or folder`)
  const stat = statSync(path)
  if (!stat.isDirectory()) {
    if (stat.size > MAX_BYTES)
      throw new UsageError(`cannot read "${path}": it is larger than ${MAX_BYTES / 2 ** 20} MiB`)
    return [path]
  }
  return readdirSync(path)
    .filter((name) => EXTENSIONS.test(name))
    .sort()
    .map((name) => join(path, name))
}

export function parse(text: string, source: string): Manifest[] {
  let documents: unknown[]
  try {
    documents = loadAll(text, { schema: kubernetesYaml }) as unknown[]
  } catch (cause) {
    throw new UsageError(`cannot read "${source}": expected YAML`, { cause })
  }
  let lines: Lines[] | undefined
  return documents.flatMap((document, i) => {
    if (document === null || document === undefined) return []
    const lineOf = (field: string) => {
      lines ??= linesOf(text)
      return lineOfField(lines[i], field)
    }
    const number = documents.length > 1 ? ` (document ${i + 1})` : ''
    return fromDocument(document, `${source}${number}`, lineOf)
  })
}

function fromDocument(document: unknown, source: string, lineOf: Manifest['lineOf']): Manifest[] {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new UsageError(
      `cannot read "${source}": expected a Kubernetes object, got ${Array.isArray(document) ? 'a list' : `"${String(document).slice(0, 40)}"`}`,
    )
  }
  const object = document as Json
  const { apiVersion, kind: kindName } = object
  if (typeof apiVersion !== 'string' || typeof kindName !== 'string') {
    throw new UsageError(`cannot read "${source}": expected apiVersion and kind`)
  }
  if (kindName === 'List' && Array.isArray(object.items)) {
    return object.items.flatMap((item, i) =>
      fromDocument(item, `${source}, item ${i + 1}`, (field) => lineOf(`items[${i}].${field}`)),
    )
  }
  const kind = kindFor(apiVersion, kindName)
  if (!kind) {
    const elsewhere = servedKinds.find((k) => k.resource.kind === kindName)?.resource
    const hint = elsewhere ? ` (it has one in "${apiVersionOf(elsewhere)}")` : ''
    throw new UsageError(
      `cannot use "${source}": this cluster has no kind "${kindName}" in "${apiVersion}"${hint}`,
    )
  }
  const metadata = object.metadata as Json | undefined
  if (typeof metadata?.name !== 'string' && typeof metadata?.generateName !== 'string') {
    throw new UsageError(`cannot read "${source}": expected metadata.name`)
  }
  return [{ source, kind, object, lineOf }]
}

const ORDER = [
  'Namespace',
  'ResourceQuota',
  'LimitRange',
  'PriorityClass',
  'StorageClass',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'Service',
]

/** What others need comes first: namespaces, then configuration and accounts, Services, and at last what runs. */
export function inOrder(manifests: readonly Manifest[]): Manifest[] {
  const rank = (m: Manifest) => {
    const at = ORDER.indexOf(m.kind.resource.kind)
    return at < 0 ? ORDER.length : at
  }
  return [...manifests].sort((a, b) => rank(a) - rank(b))
}
