import { type Api, isApiError } from '../api/index.ts'
import { type Json, type JsonObject, type KubeObject, mergeNode, strategicPatchFor } from '../schema/index.ts'
import { inOrder, type Manifest } from './manifests.ts'
import { nameOf } from './objects.ts'

/** What kubectl remembers the last applied configuration in; the same one, so that both may be used in turn. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

export interface Applied {
  readonly manifest: Manifest
  readonly object: KubeObject
  readonly outcome: 'created' | 'configured' | 'unchanged'
}

/** Applies each in turn, what others need first; stops at the first that is refused, naming where it was written. */
export async function applyAll(
  api: Api,
  manifests: readonly Manifest[],
  namespace: string,
  onApplied: (applied: Applied) => void,
): Promise<Applied[]> {
  const done: Applied[] = []
  for (const manifest of inOrder(manifests)) {
    try {
      const applied = await applyOne(api, manifest, namespace)
      done.push(applied)
      onApplied(applied)
    } catch (cause) {
      throw new Error(`cannot apply "${manifest.source}"${linesOfRefusal(manifest, cause)}`, { cause })
    }
  }
  return done
}

/** The lines of the fields that the server refused: `, lines 7 and 9`. */
function linesOfRefusal(manifest: Manifest, refusal: unknown): string {
  if (!isApiError(refusal)) return ''
  const fields = (refusal.details?.causes ?? []).flatMap((c) => c.field ?? [])
  const lines = [...new Set(fields.map(manifest.lineOf).filter((line) => line !== undefined))]
  if (lines.length <= 1) return lines.map((line) => `, line ${line}`).join('')
  return `, lines ${lines.slice(0, -1).join(', ')} and ${lines.at(-1)}`
}

async function applyOne(api: Api, manifest: Manifest, defaultNamespace: string): Promise<Applied> {
  const { kind } = manifest
  const wanted = annotated(manifest, defaultNamespace)
  const metadata = wanted.metadata as {
    name?: string
    namespace?: string
    annotations: Record<string, string>
  }
  const options = { fieldManager: 'dhow', fieldValidation: 'Strict' } as const
  if (metadata.name === undefined) {
    return { manifest, object: await api.create(kind, wanted as object, options), outcome: 'created' }
  }
  const key = { namespace: kind.resource.namespaced ? metadata.namespace : undefined, name: metadata.name }
  for (let attempt = 1; ; attempt++) {
    const current = await api.get(kind, key).catch((error) => {
      if (isApiError(error, 'NotFound')) return undefined
      throw error
    })
    try {
      if (!current)
        return { manifest, object: await api.create(kind, wanted as object, options), outcome: 'created' }
      const before = current.metadata.annotations?.[LAST_APPLIED]
      const patch = strategicPatchFor(
        mergeNode(kind),
        parseObject(before),
        wanted,
        current as unknown as JsonObject,
      )
      if (!patch) return { manifest, object: current, outcome: 'unchanged' }
      const object = await api.patch(kind, key, { type: 'strategic', body: patch }, options)
      // A patch may say the same in other words: 1000m for 1, or stringData for data.
      const isSame = object.metadata.resourceVersion === current.metadata.resourceVersion
      return { manifest, object, outcome: isSame ? 'unchanged' : 'configured' }
    } catch (error) {
      // Somebody else created or changed it just now: look again.
      if (attempt >= 5 || !isApiError(error, 'AlreadyExists', 'Conflict')) throw error
    }
  }
}

/** The manifest with its namespace and, as kubectl does it, a copy of itself in an annotation. */
function annotated(manifest: Manifest, defaultNamespace: string): JsonObject {
  const written = manifest.object as JsonObject
  const metadata = (written.metadata ?? {}) as JsonObject
  const namespace = manifest.kind.resource.namespaced
    ? { namespace: metadata.namespace ?? defaultNamespace }
    : {}
  const annotations = Object.entries((metadata.annotations ?? {}) as JsonObject).filter(
    ([key]) => key !== LAST_APPLIED,
  )
  const plain = {
    ...written,
    metadata: { ...metadata, ...namespace, annotations: Object.fromEntries(annotations) },
  }
  const remembered = { ...Object.fromEntries(annotations), [LAST_APPLIED]: `${kubectlJson(plain)}\n` }
  return { ...plain, metadata: { ...plain.metadata, annotations: remembered } } as JsonObject
}

/** JSON to the byte as kubectl writes it: keys in order, and what HTML would read escaped. */
export function kubectlJson(value: unknown): string {
  const sorted = (_: string, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value, sorted).replaceAll(/[<>&\u2028\u2029]/g, escaped)
}

function parseObject(text: string | undefined): JsonObject {
  if (text === undefined) return {}
  try {
    const value = JSON.parse(text) as Json
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}

export function describeApplied({ object, outcome, manifest }: Applied): string {
  return `${nameOf(manifest.kind, object.metadata.name)} ${outcome}`
}
