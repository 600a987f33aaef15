import { isUtf8 } from 'node:buffer'
import { load, YAMLException } from 'js-yaml'
import { ApiError, badRequest } from '../../api/index.ts'
import { JsonError, kubernetesYaml, openEnvelope, parseJson } from '../../schema/index.ts'
import { type Exchange, readBody } from './exchange.ts'
import { mediaTypeOf } from './negotiate.ts'

export const BODY_LIMIT = 3 * 1024 * 1024

/** A body as far as it can be read without knowing its type. */
export interface ParsedBody {
  readonly value: unknown
  /** Texts about keys that are there twice. */
  readonly duplicates: readonly string[]
  /** An object message of its own type: the apiVersion and kind it names itself. */
  readonly protobuf:
    | { readonly apiVersion: string; readonly kind: string; readonly raw: Uint8Array }
    | undefined
}

export const EMPTY: ParsedBody = { value: undefined, duplicates: [], protobuf: undefined }

/** Reads a body in one of the media types a resource may be written in. */
export async function parseBody(exchange: Exchange): Promise<ParsedBody> {
  return parseBytes(
    await readBody(exchange, BODY_LIMIT),
    exchange.header('content-type'),
    exchange.header('content-encoding'),
  )
}

function parseBytes(bytes: Buffer, contentType: string | undefined, contentEncoding?: string): ParsedBody {
  if (contentEncoding && contentEncoding !== 'identity') {
    throw new ApiError(
      'UnsupportedMediaType',
      `the body of the request was encoded with ${contentEncoding}, which is not supported: send it as it is`,
    )
  }
  if (bytes.length === 0) return EMPTY
  const media = mediaTypeOf(contentType)
  switch (media) {
    case '':
    case '*/*':
    case 'application/json':
      return parseJsonBody(bytes)
    case 'application/yaml':
      return parseYamlBody(bytes)
    case 'application/vnd.kubernetes.protobuf':
      return parseProtobufBody(bytes)
    default:
      throw new ApiError(
        'UnsupportedMediaType',
        `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
      )
  }
}

export function parseJsonBody(bytes: Buffer | string): ParsedBody {
  if (typeof bytes !== 'string' && !isUtf8(bytes))
    throw badRequest('cannot read the body as JSON: it is not valid UTF-8')
  try {
    const { value, duplicates } = parseJson(bytes, { duplicates: true })
    return { value, duplicates, protobuf: undefined }
  } catch (error) {
    if (error instanceof JsonError) throw badRequest(`cannot read the body as JSON: ${error.message}`)
    throw error
  }
}

/** YAML through its JSON: aliases could otherwise stand for far more than was sent. */
function parseYamlBody(bytes: Buffer): ParsedBody {
  let value: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = load(text, { schema: kubernetesYaml })
  } catch (error) {
    if (error instanceof YAMLException)
      throw badRequest(`cannot read the body as YAML: ${error.message.split('\n')[0]}`)
    throw badRequest('cannot read the body as YAML: it is not valid UTF-8')
  }
  return parseJsonBody(boundedJson(value))
}

/** JSON of a value that may share parts with itself, refused once it is longer than a body may be. */
function boundedJson(value: unknown): string {
  let budget = BODY_LIMIT
  const spend = (n: number) => {
    budget -= n
    if (budget < 0)
      throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${BODY_LIMIT}`)
  }
  const walk = (v: unknown, depth: number): void => {
    if (depth > 1000) throw badRequest('cannot read the body as YAML: it is nested too deep')
    if (typeof v === 'string') spend(v.length + 2)
    else if (typeof v !== 'object' || v === null) spend(4)
    else {
      for (const [key, item] of Object.entries(v)) {
        spend(Array.isArray(v) ? 1 : key.length + 4)
        walk(item, depth + 1)
      }
    }
  }
  walk(value, 0)
  return JSON.stringify(value) ?? 'null'
}

function parseProtobufBody(bytes: Buffer): ParsedBody {
  try {
    return { value: undefined, duplicates: [], protobuf: openEnvelope(bytes) }
  } catch (error) {
    throw badRequest(`cannot read the body as protobuf: ${(error as Error).message}`)
  }
}
