import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { kindFor } from '../api/index.ts'
import { type Kind, kubernetesYaml } from '../schema/index.ts'
import { UsageError } from './context.ts'

/** An object as an author wrote it, and where. */
export interface Manifest {
  readonly source: string
  readonly kind: Kind
  readonly object: Json
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
  return documents
    .filter((d) => d !== null && d !== undefined)
    .flatMap((d, i) => fromDocument(d, `${source}${documents.length > 1 ? ` (document ${i + 1})` : ''}`))
}

function fromDocument(document: unknown, source: string): Manifest[] {
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
  if (kindName === 'List' && Array.isArray(object.items))
    return object.items.flatMap((item, i) => fromDocument(item, `${source}, item ${i + 1}`))
  const kind = kindFor(apiVersion, kindName)
  if (!kind)
    throw new UsageError(
      `cannot apply "${source}": this cluster has no kind "${kindName}" in "${apiVersion}"`,
    )
  const metadata = object.metadata as Json | undefined
  if (typeof metadata?.name !== 'string' && typeof metadata?.generateName !== 'string') {
    throw new UsageError(`cannot read "${source}": expected metadata.name`)
  }
  return [{ source, kind, object }]
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
