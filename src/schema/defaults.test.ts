import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyDefaults } from './defaults.ts'
import { int32, listOf, mapOf, opt, ptr, req, type Shape, str, struct } from './type.ts'

const portFields = {
  name: opt(1, str),
  protocol: opt(2, str, { default: 'TCP' }),
  port: req(3, int32),
} as const
interface Port extends Shape<typeof portFields> {}
const Port = struct<Port>('test.v1.Port', portFields)

const plainFields = { name: opt(1, str) } as const
interface Plain extends Shape<typeof plainFields> {}
const Plain = struct<Plain>('test.v1.Plain', plainFields)

const serviceFields = {
  ports: opt(
    1,
    listOf(() => Port),
  ),
  byName: opt(
    2,
    mapOf(() => Port),
  ),
  main: opt(3, () => Port),
  plain: opt(4, () => Plain),
  weight: ptr(5, int32, { default: 1 }),
} as const
interface Service extends Shape<typeof serviceFields> {}
const Service = struct<Service>('test.v1.Service', serviceFields)

test('defaults are filled in wherever their struct is there, in the order of the declaration', () => {
  const service = applyDefaults(Service, {
    ports: [{ port: 1 }, { name: 'x', protocol: 'UDP', port: 2 }],
    byName: { a: { port: 3 } },
    plain: { name: 'p' },
  })
  assert.equal(
    JSON.stringify(service),
    '{"ports":[{"protocol":"TCP","port":1},{"name":"x","protocol":"UDP","port":2}],"byName":{"a":{"protocol":"TCP","port":3}},"plain":{"name":"p"},"weight":1}',
  )
})

test('what is complete comes back as the same object, and parts that did not change are shared', () => {
  const complete: Service = { ports: [{ protocol: 'TCP', port: 1 }], weight: 0 }
  assert.equal(applyDefaults(Service, complete), complete)
  const plain: Service = { plain: { name: 'p' }, ports: [{ protocol: 'TCP', port: 1 }] }
  const filled = applyDefaults(Service, plain)
  assert.notEqual(filled, plain)
  assert.equal(filled.plain, plain.plain)
  assert.equal(filled.ports, plain.ports)
})

test('an object of a type without defaults comes back as it is', () => {
  const plain = { a: 'x' }
  assert.equal(applyDefaults(Plain as never, plain), plain)
})
