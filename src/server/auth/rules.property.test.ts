import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RequestAttributes } from '../contracts.ts'
import { addGrant, findGrant, missingRules, newGrantTable, type PolicyRule } from './rules.ts'

const VERBS = ['get', 'list', 'create']
const GROUPS = ['', 'apps']
const RESOURCES = ['pods', 'pods/log', 'deployments', 'deployments/log']
const NAMES = ['', 'a', 'b']
const PATHS = ['/a', '/a/b', '/b']

const some = (...values: string[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
const resourceRule: fc.Arbitrary<PolicyRule> = fc.record({
  verbs: some(...VERBS, '*'),
  apiGroups: some(...GROUPS, '*'),
  resources: some(...RESOURCES, '*', '*/log', 'pods/*'),
  resourceNames: fc.uniqueArray(fc.constantFrom('a', 'b'), { maxLength: 2 }),
})
const urlRule: fc.Arbitrary<PolicyRule> = fc.record({
  verbs: some('get', 'post', '*'),
  nonResourceURLs: some(...PATHS, '/a*', '/a/*', '*'),
})
const rules = fc.array(fc.oneof(resourceRule, urlRule), { maxLength: 4 })

/** Every request there is in this small world. */
function* requests(): Generator<RequestAttributes> {
  const base = { path: '', version: 'v1', namespace: '', group: '', resource: '', subresource: '', name: '' }
  for (const verb of VERBS) {
    for (const group of GROUPS) {
      for (const both of RESOURCES) {
        const [resource = '', subresource = ''] = both.split('/')
        for (const name of NAMES)
          yield { ...base, isResource: true, verb, group, resource, subresource, name }
      }
    }
  }
  for (const verb of ['get', 'post'])
    for (const path of PATHS) yield { ...base, isResource: false, verb, path }
}

/** Kubernetes' rules for one request, word by word. */
function allows(rule: PolicyRule, r: RequestAttributes): boolean {
  const has = (values: readonly string[] | undefined, value: string) =>
    (values ?? []).some((v) => v === '*' || v === value)
  if (!has(rule.verbs, r.verb)) return false
  if (!r.isResource) {
    return (rule.nonResourceURLs ?? []).some(
      (u) => u === r.path || (u.endsWith('*') && r.path.startsWith(u.slice(0, -1))),
    )
  }
  const both = r.subresource === '' ? r.resource : `${r.resource}/${r.subresource}`
  const resource =
    has(rule.resources, both) ||
    (r.subresource !== '' && (rule.resources ?? []).includes(`*/${r.subresource}`))
  const names = rule.resourceNames ?? []
  return resource && has(rule.apiGroups, r.group) && (names.length === 0 || names.includes(r.name))
}

test('the prepared table decides as the rules do one by one', () => {
  fc.assert(
    fc.property(rules, (held) => {
      const table = newGrantTable()
      for (const rule of held) addGrant(table, rule, '')
      for (const request of requests()) {
        assert.equal(
          findGrant(table, request) !== undefined,
          held.some((rule) => allows(rule, request)),
          JSON.stringify(request),
        )
      }
    }),
  )
})

test('who may hand rules on could do all that they allow', () => {
  fc.assert(
    fc.property(rules, rules, (held, wanted) => {
      if (missingRules(held, wanted)?.length !== 0) return
      for (const request of requests()) {
        if (wanted.some((rule) => allows(rule, request))) {
          assert.ok(
            held.some((rule) => allows(rule, request)),
            JSON.stringify(request),
          )
        }
      }
    }),
    { numRuns: 2000 },
  )
})

test('everybody may hand on what they hold', () => {
  fc.assert(fc.property(rules, (held) => assert.deepEqual(missingRules(held, held), [])))
})
