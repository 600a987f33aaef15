import fc from 'fast-check'
import { formatDuration } from './time.ts'
import type { AnyType, ScalarName, StructType, Type } from './type.ts'

export interface ArbitraryOptions {
  /** Adds unknown fields, nulls and values of the wrong type. */
  readonly messy?: boolean
  /** Only fields that protobuf has. */
  readonly protobuf?: boolean
  /** Structs deeper than this stay empty. */
  readonly depth?: number
}

/** JSON as a client might send it for `type`: some of the fields, in any order. */
export function arbitraryOf(type: Type, options: ArbitraryOptions = {}): fc.Arbitrary<unknown> {
  return arbitrary(type as unknown as AnyType, options.depth ?? 4, options)
}

const word = fc.string({ unit: 'grapheme', maxLength: 6 })
const junk = fc.constantFrom<unknown>(null, true, 7, 'junk', ['x'], { a: 'b' }, 1.5, '')

function arbitrary(type: AnyType, depth: number, o: ArbitraryOptions): fc.Arbitrary<unknown> {
  const clean = cleanly(type, depth, o)
  return o.messy ? fc.oneof({ weight: 12, arbitrary: clean }, { weight: 1, arbitrary: junk }) : clean
}

function cleanly(type: AnyType, depth: number, o: ArbitraryOptions): fc.Arbitrary<unknown> {
  switch (type.form) {
    case 'scalar':
      return scalars[type.scalar]
    case 'enum':
      return fc.constantFrom('', ...type.values)
    case 'list':
      return depth <= 0 ? fc.constant([]) : fc.array(arbitrary(type.item, depth - 1, o), { maxLength: 2 })
    case 'map': {
      const key = fc.oneof(word, fc.constant('__proto__'))
      const entries = fc.uniqueArray(fc.tuple(key, arbitrary(type.value, depth - 1, o)), {
        maxLength: 3,
        selector: ([k]) => k,
      })
      return entries.map((list) => Object.fromEntries(list))
    }
    case 'schemaOr': {
      const other = { bool: fc.boolean(), list: fc.constant([]), strings: fc.array(word, { maxLength: 2 }) }[
        type.other
      ]
      return depth <= 0 ? other : fc.oneof(other, struct(type.schema, depth - 1, o))
    }
    case 'struct':
      return struct(type, depth - 1, o)
    default:
      return type satisfies never
  }
}

function struct(type: StructType, depth: number, o: ArbitraryOptions): fc.Arbitrary<unknown> {
  if (depth < 0) return fc.constant({})
  const usable = type.fields.filter((f) => !o.protobuf || f.number > 0)
  return fc.shuffledSubarray(usable, { maxLength: Math.min(8, usable.length) }).chain((fields) => {
    const members = fields.map((f) => arbitrary(f.type, depth, o).map((value) => [f.name, value] as const))
    if (o.messy) members.push(fc.constantFrom(['unknown', 1] as const, ['name', 'x'] as const))
    return fc.tuple(...members).map((list) => Object.fromEntries(list))
  })
}

const date = fc
  .integer({ min: -60_000_000_000, max: 250_000_000_000 })
  .map((s) => new Date(s * 1000).toISOString())
const object = fc.dictionary(word, fc.oneof(word, fc.integer(), fc.boolean()), {
  maxKeys: 3,
  noNullPrototype: true,
})

const scalars: Record<ScalarName, fc.Arbitrary<unknown>> = {
  string: word,
  bool: fc.boolean(),
  int32: fc.oneof(fc.constant(0), fc.integer()),
  int64: fc.oneof(fc.constant(0), fc.maxSafeInteger()),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0 || 0),
  bytes: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  time: fc.oneof(date, fc.constant('2026-01-01T00:00:00+01:00')),
  microTime: fc
    .tuple(date, fc.nat(999_999))
    .map(([d, us]) => `${d.slice(0, -5)}.${String(us).padStart(6, '0')}Z`),
  duration: fc.maxSafeInteger().map((ns) => formatDuration(BigInt(ns))),
  quantity: fc.constantFrom('0', '500m', '1Gi', '0.5', '1024Mi', '-3', '12e6', '1.5Gi', '7E'),
  intOrString: fc.oneof(fc.integer(), word),
  rawObject: object,
  json: object,
  fieldsV1: object,
}
