import type { KubeObject } from '../../schema/index.ts'

/**
 * One object at one revision, as every reader shares it: parsed once, encoded once. `json` is the whole object with
 * kind, apiVersion (first, in that order) and its resourceVersion.
 */
export interface Item<T extends KubeObject = KubeObject> {
  /** 'namespace/name', or 'name' when cluster-scoped. */
  readonly key: string
  readonly object: T
  readonly json: Buffer
  /** 0 for an object that was not stored (dry run). */
  readonly revision: number
  /** The same in protobuf without the envelope; made when first asked for. */
  proto: Uint8Array | undefined
}

export function itemKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}

const UID = Buffer.from('"uid":"')
const REVISION = Buffer.from(',"resourceVersion":"')
const QUOTE = 0x22

/**
 * The bytes with `revision` as metadata.resourceVersion, replacing one that is there. It stands right after the uid:
 * nothing before that can hold the bytes `"uid":"`, as a quote inside a string is written `\"`.
 */
export function withRevisionBytes(json: Uint8Array, revision: number): Buffer {
  const bytes = asBuffer(json)
  if (revision === 0) return bytes
  const uid = bytes.indexOf(UID)
  if (uid < 0) throw new Error('cannot read stored object: it has no metadata.uid')
  const end = bytes.indexOf(QUOTE, uid + UID.length) + 1
  let rest = end
  if (bytes.compare(REVISION, 0, REVISION.length, end, Math.min(end + REVISION.length, bytes.length)) === 0) {
    rest = bytes.indexOf(QUOTE, end + REVISION.length) + 1
  }
  const text = `,"resourceVersion":"${revision}"`
  // Of its own memory: a piece of the shared pool would keep the whole pool as long as the object lives.
  const out = Buffer.allocUnsafeSlow(end + text.length + bytes.length - rest)
  bytes.copy(out, 0, 0, end)
  out.write(text, end, 'latin1')
  bytes.copy(out, end + text.length, rest)
  return out
}

/** The object with that resourceVersion, in Kubernetes' order of fields. */
export function withRevision<T extends KubeObject>(object: T, revision: number): T {
  if (revision === 0) return object
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

type Metadata = KubeObject['metadata'] & { readonly generateName?: string }

/**
 * The bytes that are stored: the object without its resourceVersion, kind and apiVersion first, and in the metadata
 * nothing before the uid but the object's own names: `withRevisionBytes` relies on it.
 */
export function storedBytes(object: KubeObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object
  const { name, generateName, namespace, uid, resourceVersion: _, ...others } = metadata as Metadata
  const ordered = { name, generateName, namespace, uid, ...others }
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata: ordered, ...rest }))
}

export function itemFromStored(key: string, value: Uint8Array, revision: number): Item {
  const object = JSON.parse(asBuffer(value).toString('utf8')) as KubeObject
  return {
    key,
    object: withRevision(object, revision),
    json: withRevisionBytes(value, revision),
    revision,
    proto: undefined,
  }
}

/** An item for an object in hand whose stored bytes are known: nothing is parsed. */
export function itemOf(key: string, object: KubeObject, stored: Uint8Array, revision: number): Item {
  return {
    key,
    object: withRevision(object, revision),
    json: withRevisionBytes(stored, revision),
    revision,
    proto: undefined,
  }
}

/** What a DELETED event shows: the last state, at the revision of the deletion. */
export function itemAtDeletion(last: Item, revision: number): Item {
  return {
    key: last.key,
    object: withRevision(last.object, revision),
    json: withRevisionBytes(last.json, revision),
    revision,
    proto: undefined,
  }
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
