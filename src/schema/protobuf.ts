import { compileDecoder } from './decode-compiled.ts'
import { planOf } from './protobuf-plan.ts'
import { readStruct } from './protobuf-read.ts'
import { writeStruct, writeText } from './protobuf-write.ts'
import type { AnyType, StructType } from './type.ts'
import { BYTES, Reader, ReverseWriter, WireError } from './wire.ts'

/**
 * Kubernetes' protobuf encoding, derived from the declarations. Fields by ascending number; scalars and structs
 * that are no pointers are always written, pointers, lists and maps only when set; map entries sorted by key.
 */
export function encodeMessage<T>(type: StructType<T>, value: T): Buffer {
  const writer = new ReverseWriter()
  writeStruct(writer, planOf(type), value as Record<string, unknown>)
  return writer.finish()
}

/** The object that a message holds, in normal form. Unknown fields are skipped. Throws WireError. */
export function decodeMessage<T>(type: StructType<T>, bytes: Uint8Array): T {
  const loose = readStruct(new Reader(asBuffer(bytes)), planOf(type), 0)
  const state = { odd: false, depth: 0 }
  const value = compileDecoder(type as unknown as AnyType)(loose, state)
  if (state.odd) throw new WireError(`the message holds a value that ${type.name} does not allow`)
  return value as T
}

// --- the envelope ---

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])

export interface Envelope {
  readonly apiVersion: string
  readonly kind: string
  /** The object's message. */
  readonly raw: Buffer
}

/** What is sent and stored: `k8s\0`, then the type and the message. The type is the value's own where it has one. */
export function encodeProtobuf<T>(type: StructType<T>, value: T): Buffer {
  const writer = new ReverseWriter()
  writer.varint(0)
  writer.tag(4, BYTES)
  writer.varint(0)
  writer.tag(3, BYTES)
  const raw = writer.length
  writeStruct(writer, planOf(type), value as Record<string, unknown>)
  writer.delimit(2, raw)
  const { apiVersion, kind } = typeMetaOf(type, value)
  const meta = writer.length
  writeText(writer, 2, kind)
  writeText(writer, 1, apiVersion)
  writer.delimit(1, meta)
  writer.raw(MAGIC)
  return writer.finish()
}

function typeMetaOf(type: StructType, value: unknown): { apiVersion: string; kind: string } {
  const own = value as { readonly apiVersion?: string; readonly kind?: string }
  const { group = '', version = '', kind = '' } = type.apiKind ?? {}
  const apiVersion = group === '' ? version : `${group}/${version}`
  return { apiVersion: own.apiVersion ?? apiVersion, kind: own.kind ?? kind }
}

/** Opens an envelope. Throws WireError. */
export function openEnvelope(bytes: Uint8Array): Envelope {
  const buffer = asBuffer(bytes)
  if (!buffer.subarray(0, 4).equals(MAGIC)) throw new WireError('the body does not begin with k8s\\0')
  const reader = new Reader(buffer, 4)
  let apiVersion = ''
  let kind = ''
  let raw: Buffer = Buffer.alloc(0)
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === tagOf(1)) {
      const meta = reader.message()
      while (!meta.done) {
        const metaTag = meta.tag()
        if (metaTag === tagOf(1)) apiVersion = meta.text()
        else if (metaTag === tagOf(2)) kind = meta.text()
        else meta.skip(metaTag & 7)
      }
    } else if (tag === tagOf(2)) raw = reader.bytes()
    else if (tag === tagOf(3)) {
      const encoding = reader.text()
      if (encoding !== '')
        throw new WireError(`content encoding ${JSON.stringify(encoding)} is not supported`)
    } else reader.skip(tag & 7)
  }
  return { apiVersion, kind, raw }
}

/** An enveloped object of a known type, with apiVersion and kind as the envelope has them. Throws WireError. */
export function decodeProtobuf<T>(type: StructType<T>, bytes: Uint8Array): T {
  const { apiVersion, kind, raw } = openEnvelope(bytes)
  const value = decodeMessage(type, raw) as Record<string, unknown>
  if (!type.apiKind) return value as T
  return { ...(kind ? { kind } : {}), ...(apiVersion ? { apiVersion } : {}), ...value } as T
}

/** A frame of a watch: its length, then a WatchEvent message whose object is `envelope` (see encodeProtobuf). */
export function watchFrame(eventType: string, envelope: Uint8Array): Buffer {
  const writer = new ReverseWriter(envelope.length + 64)
  const object = writer.length
  writer.raw(envelope)
  writer.delimit(1, object)
  writer.delimit(2, object)
  writeText(writer, 1, eventType)
  const message = writer.length
  const size = Buffer.allocUnsafe(4)
  size.writeUInt32BE(message)
  writer.raw(size)
  return writer.finish()
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const tagOf = (number: number) => number * 8 + BYTES
