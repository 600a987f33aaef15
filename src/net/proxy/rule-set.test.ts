import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assignSlots } from './elements.ts'
import type { Frontend } from './frontends.ts'
import { type Change, type Contents, diffContents, RuleSet } from './rule-set.ts'
import { MAP_NAMES } from './table.ts'
import { renderChanges, renderNewChains } from './transaction.ts'

const TARGETS = ['10.244.0.1 . 80', '10.244.0.2 . 80', '10.244.0.3 . 80', '10.244.0.4 . 80']

const someFrontend: fc.Arbitrary<Frontend> = fc.record({
  scope: fc.constantFrom('all' as const, 'outside' as const),
  address: fc.constantFrom('10.96.0.1', '10.96.0.2'),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  port: fc.constantFrom(80, 443),
  action: fc.oneof(
    fc.subarray(TARGETS, { minLength: 1 }).map((targets) => ({ do: 'forward' as const, targets })),
    fc.constantFrom({ do: 'reject' as const }, { do: 'drop' as const }),
  ),
  affinitySeconds: fc.constantFrom(0, 60, 10_800),
  masquerade: fc.boolean(),
  isClusterIp: fc.boolean(),
  sources: fc.constantFrom(undefined, ['192.0.2.0/24'], ['192.0.2.0/24', '198.51.100.7']),
  localAddresses: fc.subarray(['10.244.0.1', '10.244.0.2']),
})
/** Services that come, change and go (no frontends). */
const someHistory = fc.array(
  fc.record({
    service: fc.constantFrom('a', 'b', 'c'),
    frontends: fc
      .array(someFrontend, { maxLength: 4 })
      .map((all) => all.filter((f, i) => all.findIndex((g) => idOf(g) === idOf(f)) === i)),
  }),
  { maxLength: 12 },
)
const idOf = (f: Frontend) => `${f.scope} ${f.address} ${f.protocol} ${f.port}`

/** A model of the kernel: what is added must not be there, what is deleted must. */
class Model {
  readonly maps = new Map<string, Map<string, string>>()

  apply(changes: readonly Change[]): void {
    for (const { map, key, from, to } of changes) {
      const keys = this.maps.get(map) ?? new Map<string, string>()
      this.maps.set(map, keys)
      assert.equal(keys.get(key), from, `${map} { ${key} }`)
      if (to === undefined) keys.delete(key)
      else keys.set(key, to)
    }
  }
}

const plain = (contents: Contents | Model['maps']) =>
  Object.fromEntries(
    [...contents]
      .filter(([, keys]) => keys.size > 0)
      .map(([map, keys]) => [map, Object.fromEntries([...keys].sort(([a], [b]) => (a < b ? -1 : 1)))])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  )

test('the changes, one after the other, add up to what the table should hold', () => {
  fc.assert(
    fc.property(someHistory, fc.nat(3), (history, every) => {
      const rules = new RuleSet()
      const model = new Model()
      history.forEach(({ service, frontends }, i) => {
        rules.setService(service, service, frontends)
        if (i % (every + 1) === 0) model.apply(rules.takeChanges())
      })
      model.apply(rules.takeChanges())
      assert.deepEqual(plain(model.maps), plain(rules.contents()))
      assert.deepEqual(rules.takeChanges(), [])
    }),
  )
})

test('what Services were before does not matter, but for the order of their endpoints', () => {
  fc.assert(
    fc.property(someHistory, (history) => {
      const rules = new RuleSet()
      for (const { service, frontends } of history) rules.setService(service, service, frontends)
      const fresh = new RuleSet()
      const last = new Map(history.map(({ service, frontends }) => [service, frontends]))
      for (const [service, frontends] of [...last].reverse()) fresh.setService(service, service, frontends)
      const withoutSlots = (contents: Contents) => {
        const maps = plain(contents) as Record<string, Record<string, string>>
        for (const map of ['endpoints', 'outside_endpoints']) {
          const unordered = Object.entries(maps[map] ?? {}).map(
            ([k, v]) => `${k.replace(/ \. \S+$/, '')} -> ${v}`,
          )
          maps[map] = Object.fromEntries(unordered.sort().map((e) => [e, '']))
        }
        return maps
      }
      assert.deepEqual(withoutSlots(rules.contents()), withoutSlots(fresh.contents()))
    }),
  )
})

test('a table that somebody changed is brought back by the difference', () => {
  fc.assert(
    fc.property(someHistory, someHistory, (before, after) => {
      const filled = (history: typeof before) => {
        const rules = new RuleSet()
        for (const { service, frontends } of history) rules.setService(service, service, frontends)
        return rules.contents()
      }
      const model = new Model()
      model.apply(diffContents(new Map(), filled(before)))
      model.apply(diffContents(filled(before), filled(after)))
      assert.deepEqual(plain(model.maps), plain(filled(after)))
    }),
  )
})

const forward = (targets: readonly string[], rest: Partial<Frontend> = {}): Frontend => ({
  scope: 'all',
  address: '10.96.0.1',
  protocol: 'tcp',
  port: 80,
  action: { do: 'forward', targets },
  affinitySeconds: 0,
  masquerade: false,
  isClusterIp: true,
  sources: undefined,
  localAddresses: [],
  ...rest,
})

test('where two Services claim an address and port, the older has it, until it goes', () => {
  const rules = new RuleSet()
  rules.setService('young', '2026-02-01 young', [forward([TARGETS[1]!])])
  rules.setService('old', '2026-01-01 old', [forward([TARGETS[0]!])])
  const key = '10.96.0.1 . tcp . 80'
  assert.deepEqual(rules.claimants(key), ['old', 'young'])
  assert.equal(rules.contents().get('endpoints')?.get(`${key} . 0:1`), TARGETS[0])
  rules.setService('old', '2026-01-01 old', [])
  assert.equal(rules.contents().get('endpoints')?.get(`${key} . 0:1`), TARGETS[1])
})

test('an endpoint that goes changes no more than its own place and the count', () => {
  const rules = new RuleSet()
  rules.setService('a', 'a', [forward(TARGETS)])
  rules.takeChanges()
  rules.setService('a', 'a', [forward(TARGETS.slice(1))])
  const changes = rules.takeChanges()
  assert.match(renderNewChains('t', changes), /^add chain ip t all-pick-3\n/)
  assert.equal(
    renderChanges('t', changes),
    `delete element ip t services { 10.96.0.1 . tcp . 80 }
delete element ip t endpoints { 10.96.0.1 . tcp . 80 . 0:1, 10.96.0.1 . tcp . 80 . 0:4 }
add element ip t services { 10.96.0.1 . tcp . 80 : goto all-pick-3 }
add element ip t endpoints { 10.96.0.1 . tcp . 80 . 0:1 : 10.244.0.4 . 80 }
flush chain ip t all-pick-4
delete chain ip t all-pick-4
`,
  )
})

test('endpoints keep their places', () => {
  const cases: readonly [string, string, string][] = [
    ['', 'abc', 'abc'],
    ['abc', 'abc', 'abc'],
    ['abc', 'bc', 'cb'],
    ['abc', 'ab', 'ab'],
    ['abc', 'abcd', 'abcd'],
    ['abc', 'xbc', 'xbc'],
    ['abc', 'xy', 'xy'],
    ['abcd', 'd', 'd'],
  ]
  for (const [before, wanted, expected] of cases)
    assert.equal(assignSlots([...before], [...wanted]).join(''), expected, `${before} to ${wanted}`)
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(20)), fc.uniqueArray(fc.nat(20)), (before, wanted) => {
      const slots = assignSlots(before.map(String), wanted.map(String))
      assert.deepEqual([...slots].sort(), wanted.map(String).sort())
    }),
  )
})

test('every element belongs to a map that exists', () => {
  fc.assert(
    fc.property(fc.array(someFrontend, { maxLength: 3 }), (frontends) => {
      const rules = new RuleSet()
      rules.setService('a', 'a', frontends)
      for (const map of rules.contents().keys()) assert.ok(map === 'chains' || MAP_NAMES.includes(map))
    }),
  )
})
