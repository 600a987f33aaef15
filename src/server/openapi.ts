import { byGroupVersion, openApiV2, openApiV3 } from '../api/index.ts'
import { type Clock, inSlices } from '../base/index.ts'
import { encodeOpenApiV2, type Kind } from '../schema/index.ts'
import { type Document, documentOf } from './discovery.ts'

/** OpenAPI documents, each made when it is first asked for, step by step, and then kept as bytes. */
export class OpenApi {
  readonly #kinds: readonly Kind[]
  readonly #version: string
  readonly #clock: Clock
  #v3: Promise<ReadonlyMap<string, Document>> | undefined
  #v2: Promise<Document> | undefined
  #v2Binary: Promise<Document> | undefined

  constructor(kinds: readonly Kind[], version: string, clock: Clock) {
    this.#kinds = kinds
    this.#version = version
    this.#clock = clock
  }

  /** The document of a path such as `api/v1`, or of the index with ''; undefined: there is none. */
  async v3(path: string): Promise<Document | undefined> {
    // All at once: the index names each one by the hash of its content.
    this.#v3 ??= inSlices(this.#makeV3(), this.#clock)
    return (await this.#v3).get(path)
  }

  v2(isBinary: boolean): Promise<Document> {
    if (isBinary) this.#v2Binary ??= inSlices(this.#makeV2(encodeOpenApiV2), this.#clock)
    else this.#v2 ??= inSlices(this.#makeV2(jsonBytes), this.#clock)
    return isBinary ? this.#v2Binary! : this.#v2!
  }

  *#makeV2(encode: (document: object) => Generator<void, Buffer>): Generator<void, Document> {
    return documentOf(yield* encode(yield* openApiV2(this.#kinds, this.#version)))
  }

  *#makeV3(): Generator<void, ReadonlyMap<string, Document>> {
    const documents = new Map<string, Document>()
    const paths: Record<string, { serverRelativeURL: string }> = {}
    for (const [path, kinds] of byGroupVersion(this.#kinds)) {
      const document = documentOf(yield* jsonBytes(yield* openApiV3(kinds, this.#version)))
      documents.set(path, document)
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${document.etag.slice(1, -1)}` }
    }
    documents.set('', documentOf(Buffer.from(JSON.stringify({ paths }))))
    return documents
  }
}

function* jsonBytes(document: object): Generator<void, Buffer> {
  return Buffer.from(yield* jsonInSteps(document, 3))
}

/** The text of JSON.stringify, a step for each member down to `levels`. */
function* jsonInSteps(value: unknown, levels: number): Generator<void, string> {
  if (levels === 0 || typeof value !== 'object' || value === null || Array.isArray(value)) {
    yield
    return JSON.stringify(value)
  }
  const members: string[] = []
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    members.push(`${JSON.stringify(key)}:${yield* jsonInSteps(item, levels - 1)}`)
  }
  return `{${members.join(',')}}`
}
