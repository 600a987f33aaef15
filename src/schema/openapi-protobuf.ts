import { BYTES, ReverseWriter, VARINT } from './wire.ts'

/**
 * An OpenAPI 2 document as the protobuf message that client-go asks for
 * (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`; numbers: gnostic, openapiv2/OpenAPIv2.proto).
 * Only the members that our documents have are known here; any other throws. In short steps: a document is large.
 */
export function* encodeOpenApiV2(document: object): Generator<void, Buffer> {
  const writer = new ReverseWriter(1 << 20)
  for (const [key, number, form] of membersOf(MESSAGES.Document!, 'Document', document as Members)) {
    const value = (document as Members)[key]
    if (typeof form === 'object' && 'named' in form)
      yield* writeManyPairs(writer, number, form, value as Members)
    else writeMember(writer, number, form, value)
  }
  return writer.finish()
}

type Members = Readonly<Record<string, unknown>>

type Form =
  | 'text'
  | 'texts'
  | 'bool'
  /** Any value, as text. */
  | 'any'
  | 'anys'
  /** A message. */
  | { readonly message: string }
  /** Name and value pairs; `inside` is the number of the pairs in a message that wraps them. */
  | { readonly named: string; readonly inside?: number }
  /** An alternative: the message sits inside others that only have a number. */
  | {
      readonly wrapped: string
      readonly numbers: (value: Members) => readonly number[]
      readonly many?: true
    }

type Message = Readonly<Record<string, readonly [number: number, form: Form]>>

const parameterNumbers = (p: Members) => (p.in === 'body' ? [1, 1] : [1, 2, p.in === 'path' ? 4 : 3])

const MESSAGES: Readonly<Record<string, Message>> = {
  Document: {
    swagger: [1, 'text'],
    info: [2, { message: 'Info' }],
    paths: [8, { named: 'PathItem', inside: 2 }],
    definitions: [9, { named: 'Schema', inside: 1 }],
  },
  Info: { title: [1, 'text'], version: [2, 'text'] },
  PathItem: {
    get: [2, { message: 'Operation' }],
    put: [3, { message: 'Operation' }],
    post: [4, { message: 'Operation' }],
    delete: [5, { message: 'Operation' }],
    patch: [8, { message: 'Operation' }],
    parameters: [9, { wrapped: 'Parameter', numbers: parameterNumbers, many: true }],
  },
  Operation: {
    tags: [1, 'texts'],
    description: [3, 'text'],
    operationId: [5, 'text'],
    produces: [6, 'texts'],
    consumes: [7, 'texts'],
    parameters: [8, { wrapped: 'Parameter', numbers: parameterNumbers, many: true }],
    responses: [9, { named: 'ResponseValue', inside: 1 }],
    schemes: [10, 'texts'],
    'x-': [13, 'any'],
  },
  ResponseValue: { description: [1, 'text'], schema: [2, { wrapped: 'Schema', numbers: () => [1] }] },
  Schema: {
    $ref: [1, 'text'],
    format: [2, 'text'],
    description: [4, 'text'],
    default: [5, 'any'],
    required: [19, 'texts'],
    enum: [20, 'anys'],
    additionalProperties: [21, { wrapped: 'Schema', numbers: () => [1] }],
    type: [22, { wrapped: 'TypeItem', numbers: () => [] }],
    items: [23, { wrapped: 'Schema', numbers: () => [1] }],
    properties: [25, { named: 'Schema', inside: 1 }],
    'x-': [31, 'any'],
  },
  BodyParameter: {
    description: [1, 'text'],
    name: [2, 'text'],
    in: [3, 'text'],
    required: [4, 'bool'],
    schema: [5, { message: 'Schema' }],
  },
  PathParameter: {
    required: [1, 'bool'],
    in: [2, 'text'],
    description: [3, 'text'],
    name: [4, 'text'],
    type: [5, 'text'],
    uniqueItems: [19, 'bool'],
  },
  QueryParameter: {
    required: [1, 'bool'],
    in: [2, 'text'],
    description: [3, 'text'],
    name: [4, 'text'],
    type: [6, 'text'],
    uniqueItems: [20, 'bool'],
  },
}

/** Messages whose layout depends on the value. */
function layoutOf(name: string, value: Members): Message {
  if (name !== 'Parameter') return MESSAGES[name]!
  return MESSAGES[
    value.in === 'body' ? 'BodyParameter' : value.in === 'path' ? 'PathParameter' : 'QueryParameter'
  ]!
}

function writeMessage(w: ReverseWriter, name: string, value: Members): void {
  // A response stands in a value that could also be a reference.
  if (name === 'ResponseValue') {
    const mark = w.length
    writeMembers(w, MESSAGES.ResponseValue!, name, value)
    w.delimit(1, mark)
    return
  }
  writeMembers(w, layoutOf(name, value), name, value)
}

function writeMembers(w: ReverseWriter, layout: Message, name: string, value: Members): void {
  for (const [key, number, form] of membersOf(layout, name, value)) {
    if (key !== 'x-') writeMember(w, number, form, value[key])
    else
      for (const extension of extensionsOf(value).reverse())
        writeNamed(w, number, extension, () => writeAny(w, 2, value[extension]))
  }
}

const extensionsOf = (value: Members) => Object.keys(value).filter((key) => key.startsWith('x-'))

/** What there is to write of a message, the last first. */
function membersOf(layout: Message, name: string, value: Members): (readonly [string, number, Form])[] {
  const extensions = extensionsOf(value)
  const known = Object.entries(layout).filter(([key]) => key === 'x-' || value[key] !== undefined)
  if (known.length - ('x-' in layout ? 1 : 0) + extensions.length < Object.keys(value).length) {
    const odd = Object.keys(value).find((key) => !(key in layout) && !key.startsWith('x-'))
    throw new TypeError(`cannot encode OpenAPI ${name}: it has no member ${odd}`)
  }
  return known.map(([key, [number, form]]) => [key, number, form] as const).sort(([, a], [, b]) => b - a)
}

function writeMember(w: ReverseWriter, number: number, form: Form, value: unknown): void {
  if (form === 'text') writeText(w, number, value as string)
  else if (form === 'texts') backwards(value as readonly string[], (text) => writeText(w, number, text))
  else if (form === 'any') writeAny(w, number, value)
  else if (form === 'anys') backwards(value as readonly unknown[], (item) => writeAny(w, number, item))
  else if (form === 'bool') {
    w.varint(value ? 1 : 0)
    w.tag(number, VARINT)
  } else if ('message' in form) delimited(w, [number], () => writeMessage(w, form.message, value as Members))
  else if ('named' in form) writePairs(w, number, form, value as Members)
  else if (form.wrapped === 'TypeItem') delimited(w, [number], () => writeText(w, 1, value as string))
  else {
    const items = (form.many ? value : [value]) as readonly Members[]
    backwards(items, (item) => {
      delimited(w, [number, ...form.numbers(item)], () => writeMessage(w, form.wrapped, item))
    })
  }
}

type Pairs = { readonly named: string; readonly inside?: number }

function writePairs(w: ReverseWriter, number: number, form: Pairs, value: Members): void {
  for (const _ of writeManyPairs(w, number, form, value));
}

/** A step a pair. */
function* writeManyPairs(
  w: ReverseWriter,
  number: number,
  form: Pairs,
  value: Members,
): Generator<void, void> {
  const mark = w.length
  for (const [key, item] of Object.entries(value).reverse()) {
    writeNamed(w, form.inside ?? number, key, () =>
      delimited(w, [2], () => writeMessage(w, form.named, item as Members)),
    )
    yield
  }
  if (form.inside !== undefined) w.delimit(number, mark)
}

function writeNamed(w: ReverseWriter, number: number, name: string, value: () => void): void {
  delimited(w, [number], () => {
    value()
    writeText(w, 1, name)
  })
}

function writeAny(w: ReverseWriter, number: number, value: unknown): void {
  // JSON is YAML.
  delimited(w, [number], () => writeText(w, 2, `${JSON.stringify(value)}\n`))
}

function writeText(w: ReverseWriter, number: number, text: string): void {
  const mark = w.length
  w.text(text)
  w.varint(w.length - mark)
  w.tag(number, BYTES)
}

/** Messages in messages, the outermost number first. */
function delimited(w: ReverseWriter, numbers: readonly number[], body: () => void): void {
  const mark = w.length
  body()
  for (let i = numbers.length - 1; i >= 0; i--) w.delimit(numbers[i]!, mark)
}

function backwards<T>(items: readonly T[], each: (item: T) => void): void {
  for (let i = items.length - 1; i >= 0; i--) each(items[i]!)
}
