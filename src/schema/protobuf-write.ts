import { type Plan, planOf } from './protobuf-plan.ts'
import { zeroOf } from './scalars.ts'
import { parseDuration, parseTime } from './time.ts'
import type { AnyType, Field, ListType, ScalarName, StructType } from './type.ts'
import { FIXED64, type ReverseWriter, VARINT } from './wire.ts'

/** Writes a struct as the body of a message: backwards, see ReverseWriter. */
export function writeStruct(w: ReverseWriter, plan: Plan, value: Readonly<Record<string, unknown>>): void {
  for (let i = plan.members.length - 1; i >= 0; i--) {
    const member = plan.members[i]!
    if (member.inlined) {
      const mark = w.length
      writeStruct(w, member.inlined, value)
      w.delimit(member.number, mark)
    } else {
      writeField(w, member.field, value[member.field.name])
    }
  }
}

function writeField(w: ReverseWriter, f: Field, given: unknown): void {
  const { type, number } = f
  if (given === undefined || given === null) {
    if (f.pointer || type.form === 'list' || type.form === 'map') return
    if (type.form === 'schemaOr' || (type.form === 'scalar' && type.scalar === 'fieldsV1')) return
    if (type.form === 'scalar' && type.scalar === 'bytes') return
    if (type.form === 'enum') {
      writeText(w, number, '')
      return
    }
    writeValue(w, number, type, type.form === 'struct' ? {} : zeroOf(type))
    return
  }
  if (type.form === 'list' && !type.boxed) {
    writeItems(w, number, type, given as readonly unknown[])
    return
  }
  if (type.form === 'map') {
    writeMap(w, number, type.value, given as Readonly<Record<string, unknown>>)
    return
  }
  // An empty byte slice is as absent as a nil one.
  if (type.form === 'scalar' && type.scalar === 'bytes' && given === '' && !f.always) return
  writeValue(w, number, type, given)
}

function writeItems(w: ReverseWriter, number: number, type: ListType, items: readonly unknown[]): void {
  for (let i = items.length - 1; i >= 0; i--) writeValue(w, number, type.item, items[i])
}

function writeMap(
  w: ReverseWriter,
  number: number,
  type: AnyType,
  map: Readonly<Record<string, unknown>>,
): void {
  const keys = Object.keys(map).sort(compareUtf8)
  for (let i = keys.length - 1; i >= 0; i--) {
    const mark = w.length
    writeValue(w, 2, type, map[keys[i]!])
    writeText(w, 1, keys[i]!)
    w.delimit(number, mark)
  }
}

function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function writeText(w: ReverseWriter, number: number, text: string): void {
  const mark = w.length
  w.text(text)
  w.delimit(number, mark)
}

function writeVarint(w: ReverseWriter, number: number, value: number): void {
  w.varint(value)
  w.tag(number, VARINT)
}

function writeValue(w: ReverseWriter, number: number, type: AnyType, value: unknown): void {
  switch (type.form) {
    case 'scalar':
      writeScalar(w, number, type.scalar, value)
      return
    case 'enum':
      writeText(w, number, value as string)
      return
    case 'struct':
    case 'list':
    case 'map':
    case 'schemaOr': {
      const mark = w.length
      if (type.form === 'struct') writeStruct(w, planOf(type), value as Record<string, unknown>)
      else if (type.form === 'list') writeItems(w, 1, type, value as readonly unknown[])
      else if (type.form === 'map') writeMap(w, 1, type.value, value as Record<string, unknown>)
      else writeSchemaOr(w, type.schema, type.other, value)
      w.delimit(number, mark)
      return
    }
    default: {
      never(type)
    }
  }
}

function writeSchemaOr(
  w: ReverseWriter,
  schema: StructType,
  other: 'bool' | 'list' | 'strings',
  value: unknown,
): void {
  const single = typeof value === 'object' && !Array.isArray(value)
  if (other === 'bool') {
    if (single) writeValue(w, 2, schema, value)
    // A schema implies that anything it admits is allowed.
    writeVarint(w, 1, single || value === true ? 1 : 0)
  } else if (single) {
    writeValue(w, 1, schema, value)
  } else {
    const items = value as readonly unknown[]
    for (let i = items.length - 1; i >= 0; i--) {
      if (other === 'list') writeValue(w, 2, schema, items[i])
      else writeText(w, 2, items[i] as string)
    }
  }
}

function writeScalar(w: ReverseWriter, number: number, scalar: ScalarName, value: unknown): void {
  const mark = w.length
  switch (scalar) {
    case 'string':
      writeText(w, number, value as string)
      return
    case 'bool':
      writeVarint(w, number, value ? 1 : 0)
      return
    case 'int32':
    case 'int64':
      writeVarint(w, number, value as number)
      return
    case 'float64':
      w.double(value as number)
      w.tag(number, FIXED64)
      return
    case 'bytes':
      w.base64(value as string)
      w.delimit(number, mark)
      return
    case 'time':
    case 'microTime':
      writeTime(w, value as string | undefined)
      w.delimit(number, mark)
      return
    case 'duration':
      w.bigVarint(parseDuration(value as string) ?? 0n)
      w.tag(1, VARINT)
      w.delimit(number, mark)
      return
    case 'quantity':
      writeText(w, 1, value as string)
      w.delimit(number, mark)
      return
    case 'intOrString':
      writeText(w, 3, typeof value === 'string' ? value : '')
      writeVarint(w, 2, typeof value === 'number' ? value : 0)
      writeVarint(w, 1, typeof value === 'string' ? 1 : 0)
      w.delimit(number, mark)
      return
    case 'rawObject':
    case 'json':
    case 'fieldsV1':
      if (value !== null && value !== undefined) writeText(w, 1, JSON.stringify(value))
      w.delimit(number, mark)
      return
    default:
      never(scalar)
  }
}

function never(value: never): never {
  throw new TypeError(`no such form: ${String(value)}`)
}

function writeTime(w: ReverseWriter, value: string | undefined): void {
  const instant = value === undefined ? undefined : parseTime(value)
  if (!instant) return
  writeVarint(w, 2, instant.nanos)
  writeVarint(w, 1, instant.seconds)
}
