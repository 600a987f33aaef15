import type { Field, StructType } from './type.ts'

/** A message: fields, and messages that JSON merges into this object. */
export interface Plan {
  readonly members: readonly Member[]
  readonly byNumber: ReadonlyMap<number, Member>
}

export type Member =
  | { readonly number: number; readonly field: Field; readonly inlined?: undefined }
  | { readonly number: number; readonly field?: undefined; readonly inlined: Plan }

const plans = new WeakMap<StructType, Plan>()

/** Made once a type. */
export function planOf(type: StructType): Plan {
  let plan = plans.get(type)
  if (!plan) {
    plan = makePlan(type.fields, 0)
    plans.set(type, plan)
  }
  return plan
}

function makePlan(fields: readonly Field[], level: number): Plan {
  const inlined = new Map<number, Field[]>()
  const members: Member[] = []
  for (const f of fields) {
    const inside = f.within[level]
    if (inside === undefined) {
      if (f.number > 0) members.push({ number: f.number, field: f })
    } else {
      const group = inlined.get(inside) ?? []
      group.push(f)
      inlined.set(inside, group)
    }
  }
  for (const [number, group] of inlined) members.push({ number, inlined: makePlan(group, level + 1) })
  members.sort((a, b) => a.number - b.number)
  return { members, byNumber: new Map(members.map((m) => [m.number, m])) }
}
