import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { AnyType, Field, StructType } from '../schema/index.ts'
import { allKinds, bodyKinds, MetaWatchEvent, servedKinds } from './index.ts'

/** What Kubernetes declares, where it is at hand: every kind, type and field has its counterpart here. */
const FACTS = new URL('../../../shared/api-facts/', import.meta.url)
const skip = existsSync(FACTS) ? false : 'the API facts (../shared/api-facts) are not on this machine'

interface FieldFact {
  readonly jsonName: string | null
  readonly inline?: boolean
  readonly protoNumber: number | null
  readonly type: string
  readonly presence?: 'required' | 'optional'
  readonly pointer?: boolean
  readonly default?: unknown
  readonly listType?: string
  readonly listMapKeys?: readonly string[]
  readonly patchStrategy?: readonly string[]
  readonly patchMergeKey?: string
}

interface TypeFact {
  readonly name: string
  readonly form: string
  readonly jsonForm?: string
  readonly protoMessage?: boolean
  readonly fields?: readonly FieldFact[]
}

interface KindFact {
  readonly kind: string
  readonly listKind?: string
  readonly role: string
  readonly resource?: string
  readonly singular?: string | null
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly namespaced?: boolean
  readonly verbs?: readonly string[]
  readonly subresources?: readonly { readonly name: string; readonly kind: string }[]
}

interface GroupFact {
  readonly group: string
  readonly version: string
  readonly refPrefix: string
  readonly kinds: readonly KindFact[]
  readonly types: readonly TypeFact[]
}

const groups = (): GroupFact[] =>
  readdirSync(FACTS)
    .filter((f) => /\.v\d\w*\.json$/.test(f))
    .map((f) => JSON.parse(readFileSync(new URL(f, FACTS), 'utf8')) as GroupFact)

function declaredTypes(): Map<string, StructType> {
  const seen = new Map<string, StructType>()
  const visit = (type: AnyType) => {
    if (type.form === 'list') visit(type.item)
    else if (type.form === 'map') visit(type.value)
    else if (type.form === 'schemaOr') visit(type.schema)
    else if (type.form === 'struct' && !seen.has(type.name)) {
      seen.set(type.name, type)
      for (const field of type.fields) visit(field.type)
    }
  }
  for (const type of [...allKinds, ...bodyKinds, MetaWatchEvent]) visit(type)
  return seen
}

interface Expected extends FieldFact {
  readonly path: string
}

/** A type's members as they stand in JSON: those of inlined types are in place, with the numbers that lead to them. */
function membersOf(type: TypeFact, types: ReadonlyMap<string, TypeFact>, within: string): Expected[] {
  return (type.fields ?? []).flatMap((field): Expected[] => {
    const number = `${within}${field.protoNumber ?? 0}`
    if (!field.inline) return field.jsonName === null ? [] : [{ ...field, path: number }]
    // apiVersion and kind are no members of the messages.
    if (field.type === 'meta.v1.TypeMeta') return []
    const inner = types.get(field.type)
    if (!inner) return []
    return membersOf(inner, types, field.protoNumber ? `${number}.` : within)
  })
}

/** The types that objects of some kind are made of. */
function reachable(groups: readonly GroupFact[], types: ReadonlyMap<string, TypeFact>): Set<string> {
  const seen = new Set<string>()
  const visit = (name: string) => {
    if (seen.has(name)) return
    seen.add(name)
    for (const { type } of types.get(name)?.fields ?? [])
      for (const [inner] of type.matchAll(/[\w-]+\.v\d\w*\.\w+/g)) visit(inner)
  }
  for (const { refPrefix, kinds } of groups) for (const { kind } of kinds) visit(`${refPrefix}.${kind}`)
  return seen
}

function differences(where: string, declared: Field, fact: Expected): string[] {
  const out: string[] = []
  const compare = (what: string, ours: unknown, theirs: unknown) => {
    if (JSON.stringify(ours) !== JSON.stringify(theirs))
      out.push(`${where}.${fact.jsonName}: ${what} is ${JSON.stringify(ours)}, not ${JSON.stringify(theirs)}`)
  }
  compare('number', [...declared.within, declared.number].join('.'), fact.path)
  compare('required', declared.required, fact.presence === 'required')
  // Empty and absent are the same where there is no pointer.
  if (fact.default !== undefined && (fact.default !== '' || fact.pointer))
    compare('default', declared.default, fact.default)
  const { type } = declared
  if (type.form === 'list') {
    compare('list type', type.listType, fact.listType ?? 'atomic')
    compare('map keys', type.mapKeys, fact.listMapKeys ?? [])
    compare('merge', type.merge, fact.patchStrategy?.includes('merge') ?? false)
    compare('merge key', type.mergeKey, fact.patchMergeKey)
  }
  compare('retainKeys', declared.retainKeys, fact.patchStrategy?.includes('retainKeys') ?? false)
  return out
}

test('every type and field of the API facts is declared, and no other', { skip }, () => {
  const all = groups()
  const facts = new Map(all.flatMap((g) => g.types.map((t) => [`${g.refPrefix}.${t.name}`, t] as const)))
  // Lists are derived from their kinds; what is only ever inlined has its members in the others.
  const lists = all.flatMap((g) => g.kinds.map((k) => `${g.refPrefix}.${k.listKind}`))
  const inlined = [...facts.values()].flatMap((t) =>
    (t.fields ?? []).filter((f) => f.inline).map((f) => f.type),
  )
  const declared = declaredTypes()
  const elsewhere = new Set([...lists, ...inlined].filter((name) => !declared.has(name)))
  const used = reachable(all, facts)
  const wrong: string[] = []
  for (const [name, fact] of facts) {
    if (!used.has(name)) continue
    if (fact.form !== 'struct' || fact.jsonForm || elsewhere.has(name)) continue
    const type = declared.get(name)
    if (!type) {
      wrong.push(`${name} is not declared`)
      continue
    }
    const members = membersOf(fact, facts, '')
    for (const member of members) {
      const field = type.field.get(member.jsonName!)
      if (field) wrong.push(...differences(name, field, member))
      else wrong.push(`${name}.${member.jsonName} is not declared`)
    }
    const known = new Set(members.map((m) => m.jsonName))
    for (const { name: own } of type.fields)
      if (!known.has(own) && own !== 'kind' && own !== 'apiVersion') wrong.push(`${name}.${own} is made up`)
  }
  assert.deepEqual(wrong, [])
})

/** What other servers serve beside this one, and what comes with them. */
const NOT_SERVED = /^(apiextensions|apiregistration|metrics)\.k8s\.io\//

test('every resource of the API facts is served under its names, with its verbs and subresources', {
  skip,
}, () => {
  const served = new Map(
    servedKinds.map((k) => [`${k.resource.group}/${k.resource.version}/${k.resource.plural}`, k.resource]),
  )
  const wrong: string[] = []
  for (const { group, version, kinds } of groups()) {
    for (const fact of kinds.filter((k) => k.role === 'resource')) {
      const ours = served.get(`${group}/${version}/${fact.resource}`)
      if (!ours) {
        if (!NOT_SERVED.test(`${group}/`)) wrong.push(`${group}/${version}/${fact.resource} is not served`)
        continue
      }
      const shown = (r: object) => JSON.stringify(r)
      const a = shown([ours.kind, ours.namespaced, ours.shortNames, ours.categories, [...ours.verbs].sort()])
      const b = shown([
        fact.kind,
        fact.namespaced,
        fact.shortNames ?? [],
        fact.categories ?? [],
        [...(fact.verbs ?? [])].sort(),
      ])
      if (a !== b) wrong.push(`${fact.resource}: ${a}, not ${b}`)
      const names = Object.keys(ours.subresources).sort()
      const expected = (fact.subresources ?? []).map((s) => s.name).sort()
      if (shown(names) !== shown(expected)) wrong.push(`${fact.resource}: ${names}, not ${expected}`)
    }
  }
  assert.deepEqual(wrong, [])
})
