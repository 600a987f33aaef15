import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load } from 'js-yaml'
import { kubernetesYaml } from './yaml.ts'

const scalars: [string, unknown][] = [
  ['0644', 420],
  ['0o644', 420],
  ['-010', -8],
  ['0x1F', 31],
  ['0b11', 3],
  ['0', 0],
  ['08', 8],
  ['1_000', 1000],
  ['+5', 5],
  ['1e3', 1000],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['100m', '100m'],
  ['1.2.3', '1.2.3'],
  ['12:30', '12:30'],
  ['2026-01-01', '2026-01-01'],
  ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
  ['yes', true],
  ['On', true],
  ['y', true],
  ['off', false],
  ['NO', false],
  ['yep', 'yep'],
  ['~', null],
  ['"0644"', '0644'],
  ["'yes'", 'yes'],
  ['!!str 0644', '0644'],
]
for (const [text, value] of scalars) {
  test(`${text} is ${JSON.stringify(value)}`, () => {
    assert.deepEqual(load(`a: ${text}`, { schema: kubernetesYaml }), { a: value })
  })
}

test('<< takes over what another mapping says', () => {
  const text = 'base: &b { cpu: 1, memory: 2 }\nmore:\n  <<: *b\n  memory: 3\n'
  assert.deepEqual(load(text, { schema: kubernetesYaml }), {
    base: { cpu: 1, memory: 2 },
    more: { cpu: 1, memory: 3 },
  })
})
