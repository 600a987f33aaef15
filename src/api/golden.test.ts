import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { AnyType, Field, StructType } from '../schema/index.ts'
import { allKinds, bodyKinds } from './index.ts'

const golden = new URL('./golden/wire.txt', import.meta.url)

/** Every member of every type with its protobuf number and wire type: what no release may change. */
function wire(): string {
  const seen = new Map<string, StructType>()
  const visit = (type: AnyType) => {
    if (type.form === 'list') visit(type.item)
    else if (type.form === 'map') visit(type.value)
    else if (type.form === 'schemaOr') visit(type.schema)
    else if (type.form === 'struct' && !seen.has(type.name)) {
      seen.set(type.name, type)
      for (const f of type.fields) visit(f.type)
    }
  }
  for (const type of [...allKinds, ...bodyKinds]) visit(type)
  const types = [...seen.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  return types.map((t) => `${t.name}\n${t.fields.map(line).join('')}`).join('')
}

function line(f: Field): string {
  const written = f.always ? ' always' : f.pointer ? ' pointer' : ''
  return `  ${[...f.within, f.number].join('.')} ${f.name} ${typeWord(f.type)}${written}\n`
}

function typeWord(type: AnyType): string {
  switch (type.form) {
    case 'scalar':
      return type.scalar
    case 'enum':
      return 'string'
    case 'list':
      return `${type.boxed ? 'boxed ' : ''}list<${typeWord(type.item)}>`
    case 'map':
      return `map<${typeWord(type.value)}>`
    case 'struct':
      return type.name
    case 'schemaOr':
      return `${type.schema.name}-or-${type.other}`
    default:
      return type satisfies never
  }
}

test('no field changes its number or its form on the wire (DHOW_GOLDEN=update records what is meant)', () => {
  const now = wire()
  if (process.env.DHOW_GOLDEN === 'update') writeFileSync(golden, now)
  const before = readFileSync(golden, 'utf8').split('\n')
  assert.deepEqual(
    now.split('\n').filter((l, i) => l !== before[i]),
    [],
  )
  assert.equal(now, before.join('\n'))
})

test('no struct uses a protobuf number twice', () => {
  const numbers = new Map<string, string[]>()
  let name = ''
  for (const l of wire().split('\n')) {
    if (!l.startsWith(' ')) name = l
    else {
      const number = l.trim().split(' ')[0]!
      if (number !== '0') numbers.set(name, [...(numbers.get(name) ?? []), number])
    }
  }
  for (const [type, list] of numbers) assert.equal(new Set(list).size, list.length, type)
})
