import type { Command } from '../command.ts'
import { CommandError } from '../command.ts'
import type { Element } from './elements.ts'
import type { Contents } from './rule-set.ts'
import { isChooser, MAP_NAMES, markerOf, type TableOptions } from './table.ts'

/** The table as the kernel has it. */
export interface Kernel {
  /** Runs commands as one transaction. */
  apply(commands: string): Promise<void>
  /** Is the table there, made by this version for these options? Cheap. */
  isOurs(): Promise<boolean>
  /** What its maps hold. */
  read(): Promise<Contents>
  /** Clients and where each of them goes. */
  readAffinity(): Promise<readonly Remembered[]>
}

/** `client . frontend` and the endpoint that it stays with. */
export interface Remembered {
  readonly client: string
  readonly frontend: string
  readonly target: string
}

export function nftKernel(options: TableOptions, run: Command): Kernel {
  const { table } = options
  const marker = markerOf(options)
  const readMap = async (map: string): Promise<[string, string][]> => {
    const kind = map === 'affinity' || isMap(map) ? 'map' : 'set'
    const text = await run('nft', ['-j', 'list', kind, 'ip', table, map])
    return parseElements(text)
  }
  return {
    apply: async (commands) => {
      await run('nft', ['-f', '-'], commands)
    },
    isOurs: async () => {
      try {
        await run('nft', ['list', 'chain', 'ip', table, marker])
        return true
      } catch (error) {
        if (error instanceof CommandError && error.exitCode === 1) return false
        throw error
      }
    },
    read: async () => {
      const contents = new Map<Element['map'], Map<string, string>>()
      for (const map of MAP_NAMES) contents.set(map, new Map(await readMap(map)))
      contents.set('chains', new Map(await readChains(run, table)))
      return contents
    },
    readAffinity: async () =>
      (await readMap('affinity')).map(([key, target]) => {
        const [client = '', ...frontend] = key.split(' . ')
        return { client, frontend: frontend.join(' . '), target }
      }),
  }
}

const isMap = (name: string) => /services$|endpoints$|^sticky$/.test(name)

interface Listing {
  readonly nftables: readonly {
    readonly map?: { readonly elem?: readonly unknown[] }
    readonly set?: { readonly elem?: readonly unknown[] }
    readonly chain?: { readonly table: string; readonly name: string }
  }[]
}

async function readChains(run: Command, table: string): Promise<[string, string][]> {
  const { nftables } = JSON.parse(await run('nft', ['-j', 'list', 'chains', 'ip'])) as Listing
  return nftables.flatMap(({ chain }) =>
    chain && chain.table === table && isChooser(chain.name) ? [[chain.name, ''] as [string, string]] : [],
  )
}

/** Elements as `nft -j list map` prints them, in the notation of our own commands. */
export function parseElements(text: string): [string, string][] {
  const { nftables } = JSON.parse(text) as Listing
  const found: [string, string][] = []
  for (const { map, set } of nftables) {
    for (const element of map?.elem ?? []) {
      const [key, data] = element as [unknown, unknown]
      found.push([notation(key), notation(data)])
    }
    for (const element of set?.elem ?? []) found.push([notation(element), ''])
  }
  return found
}

interface JsonValue {
  readonly elem?: { readonly val: unknown }
  readonly concat?: readonly unknown[]
  readonly prefix?: { readonly addr: string; readonly len: number }
  readonly goto?: { readonly target: string }
  readonly drop?: null
}

function notation(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  const v = value as JsonValue
  if (v.elem) return notation(v.elem.val)
  if (v.concat) return v.concat.map(notation).join(' . ')
  if (v.prefix) return `${v.prefix.addr}/${v.prefix.len}`
  if (v.goto) return `goto ${v.goto.target}`
  if ('drop' in v) return 'drop'
  // What we never wrote differs from all that we want, and is replaced.
  return JSON.stringify(value)
}
