import type { AnyType, StructType } from './type.ts'

/**
 * Fills in the defaults that declarations state (`opt(2, Protocol, { default: 'TCP' })`) wherever the struct that
 * has the field is there. Gives the same object back when nothing was missing. Defaults that depend on other
 * fields are the kind's own (api/, `*.defaults.ts`).
 */
export function applyDefaults<T>(type: StructType<T>, value: T): T {
  return fillerOf(type as StructType)(value) as T
}

type Filler = (value: unknown) => unknown

const same: Filler = (value) => value
const fillers = new WeakMap<StructType, Filler>()

function fillerOf(type: StructType): Filler {
  const known = fillers.get(type)
  if (known) return known
  const filler = reaches(type, new Set()) ? structFiller(type) : same
  fillers.set(type, filler)
  return filler
}

/** Whether a default is stated anywhere below: most types have none, and are not walked. */
function reaches(type: AnyType, seen: Set<StructType>): boolean {
  const struct = structIn(type)
  if (!struct || seen.has(struct)) return false
  seen.add(struct)
  return struct.fields.some((f) => f.default !== undefined || reaches(f.type, seen))
}

function structIn(type: AnyType): StructType | undefined {
  switch (type.form) {
    case 'struct':
      return type
    case 'list':
      return structIn(type.item)
    case 'map':
      return structIn(type.value)
    case 'schemaOr':
    case 'scalar':
    case 'enum':
      return undefined
    default:
      return type satisfies never
  }
}

interface Step {
  readonly name: string
  readonly initial: unknown
  readonly fill: Filler
}

function structFiller(type: StructType): Filler {
  let steps: readonly Step[] | undefined
  return (value) => {
    steps ??= type.fields
      .filter((f) => f.default !== undefined || reaches(f.type, new Set()))
      .map((f) => ({ name: f.name, initial: f.default, fill: typeFiller(f.type) }))
    const old = value as Readonly<Record<string, unknown>>
    let changed: Record<string, unknown> | undefined
    for (const { name, initial, fill } of steps) {
      const before = old[name]
      const after = before === undefined ? initial : fill(before)
      if (after === before) continue
      changed ??= { ...old }
      changed[name] = after
    }
    return changed ? inOrder(type, changed) : value
  }
}

/** A default that was added stands at the end; properties come in the order of the declaration. */
function inOrder(type: StructType, value: Readonly<Record<string, unknown>>): object {
  const out: Record<string, unknown> = {}
  for (const { name } of type.fields) if (value[name] !== undefined) out[name] = value[name]
  return out
}

function typeFiller(type: AnyType): Filler {
  if (type.form === 'struct') return (value) => fillerOf(type)(value)
  if (type.form === 'list') {
    const fill = typeFiller(type.item)
    return fill === same ? same : (value) => fillList(value as readonly unknown[], fill)
  }
  if (type.form === 'map') {
    const fill = typeFiller(type.value)
    return fill === same ? same : (value) => fillMap(value as Readonly<Record<string, unknown>>, fill)
  }
  return same
}

function fillList(list: readonly unknown[], fill: Filler): readonly unknown[] {
  let changed = false
  const out = list.map((item) => {
    const after = fill(item)
    if (after !== item) changed = true
    return after
  })
  return changed ? out : list
}

function fillMap(map: Readonly<Record<string, unknown>>, fill: Filler): Readonly<Record<string, unknown>> {
  const entries = Object.entries(map)
  const after = entries.map(([key, item]) => [key, fill(item)] as const)
  return after.some(([, item], i) => item !== entries[i]![1]) ? Object.fromEntries(after) : map
}
