import { byGroupVersion, openApiV2, openApiV3 } from '../api/index.ts'
import { nextTurn } from '../base/index.ts'
import { encodeOpenApiV2, type Kind } from '../schema/index.ts'
import { type Document, documentOf } from './discovery.ts'

/** OpenAPI documents, each made when it is first asked for and then kept as bytes. */
export class OpenApi {
  readonly #kinds: readonly Kind[]
  readonly #version: string
  #v3: Promise<ReadonlyMap<string, Document>> | undefined
  #v2: Document | undefined
  #v2Binary: Document | undefined

  constructor(kinds: readonly Kind[], version: string) {
    this.#kinds = kinds
    this.#version = version
  }

  /** The document of a path such as `api/v1`, or of the index with ''; undefined: there is none. */
  async v3(path: string): Promise<Document | undefined> {
    // All at once: the index names each one by the hash of its content.
    this.#v3 ??= this.#build()
    return (await this.#v3).get(path)
  }

  v2(isBinary: boolean): Document {
    if (isBinary) {
      this.#v2Binary ??= documentOf(encodeOpenApiV2(openApiV2(this.#kinds, this.#version)))
      return this.#v2Binary
    }
    this.#v2 ??= documentOf(Buffer.from(JSON.stringify(openApiV2(this.#kinds, this.#version))))
    return this.#v2
  }

  async #build(): Promise<ReadonlyMap<string, Document>> {
    const documents = new Map<string, Document>()
    const paths: Record<string, { serverRelativeURL: string }> = {}
    for (const [path, kinds] of byGroupVersion(this.#kinds)) {
      const document = documentOf(Buffer.from(JSON.stringify(openApiV3(kinds, this.#version))))
      documents.set(path, document)
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${document.etag.slice(1, -1)}` }
      await nextTurn()
    }
    documents.set('', documentOf(Buffer.from(JSON.stringify({ paths }))))
    return documents
  }
}
