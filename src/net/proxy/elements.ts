import type { Target } from './backends.ts'
import type { Frontend } from './frontends.ts'
import { type MapName, slotKey } from './table.ts'

/** An element of a map (data) or a set (data ''), or a chain that has to exist (`map` is 'chains'). */
export interface Element {
  readonly map: MapName | 'chains'
  readonly key: string
  readonly data: string
}

/** `10.96.0.1 . tcp . 443` */
export const keyOfFrontend = (f: Pick<Frontend, 'address' | 'protocol' | 'port'>) =>
  `${f.address} . ${f.protocol} . ${f.port}`

/** A frontend as elements; `slots` is the order of its targets. */
export function elementsOf(frontend: Frontend, slots: readonly Target[]): Element[] {
  const { scope, action } = frontend
  const key = keyOfFrontend(frontend)
  const prefix = scope === 'outside' ? ('outside_' as const) : ('' as const)
  const found: Element[] = []
  const add = (map: Element['map'], k: string, data = '') => found.push({ map, key: k, data })
  if (frontend.isClusterIp) add('cluster_ips', frontend.address)
  if (frontend.sources) {
    add('restricted', key)
    for (const range of frontend.sources) add('sources', `${key} . ${range}`)
  }
  switch (action.do) {
    case 'reject':
      add('rejected', key)
      return found
    case 'drop':
      add(`${prefix}services`, key, 'drop')
      return found
    case 'forward':
      break
    default:
      return action satisfies never
  }
  const pick = `${scope}-pick-${slots.length}`
  add('chains', pick)
  if (frontend.affinitySeconds > 0) {
    const sticky = `${scope}-sticky-${slots.length}`
    const remember = `remember-${frontend.affinitySeconds}`
    add('chains', sticky)
    add('chains', remember)
    add(`${prefix}services`, key, `goto ${sticky}`)
    add('sticky', key, `goto ${remember}`)
  } else add(`${prefix}services`, key, `goto ${pick}`)
  slots.forEach((target, i) => {
    add(`${prefix}endpoints`, `${key} . ${slotKey(i)}`, target)
  })
  if (frontend.masquerade) add('masqueraded', key)
  for (const address of frontend.localAddresses) add('hairpins', `${address} . ${address}`)
  return found
}

/** Keeps each target in its place where it can, so that little changes: `[a, b, c]` without a is `[c, b]`. */
export function assignSlots(before: readonly Target[], wanted: readonly Target[]): readonly Target[] {
  const missing = new Set(wanted)
  const slots: (Target | undefined)[] = before
    .slice(0, wanted.length)
    .map((t) => (missing.delete(t) ? t : undefined))
  while (slots.length < wanted.length) slots.push(undefined)
  // Those whose place is gone come first, then those that are new: both are in `missing`.
  const rest = missing.values()
  return slots.map((t) => t ?? rest.next().value!)
}
