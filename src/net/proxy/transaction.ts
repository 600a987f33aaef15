import type { Change } from './rule-set.ts'
import { chooserRules } from './table.ts'

/**
 * The commands that add chains. They have to be in place one transaction before any map leads to them: a packet that is
 * on its way during a transaction may find a new element while it still sees a new chain as empty.
 */
export function renderNewChains(table: string, changes: readonly Change[]): string {
  const added = changes.filter((c) => c.map === 'chains' && c.to !== undefined).map((c) => c.key)
  return text([
    ...added.map((chain) => `add chain ip ${table} ${chain}`),
    // The chain may be there from before: its rules are written anew in the same instant.
    ...added.map((chain) => `flush chain ip ${table} ${chain}`),
    ...added.flatMap((chain) => chooserRules(chain).map((rule) => `add rule ip ${table} ${chain} ${rule}`)),
  ])
}

/** All other changes as one transaction: all of it happens at once, or nothing. '' when there is none. */
export function renderChanges(table: string, changes: readonly Change[]): string {
  const lines: string[] = []
  const gone = changes.filter((c) => c.map === 'chains' && c.to === undefined).map((c) => c.key)
  elements('delete', (c) => (c.from === undefined ? undefined : c.key))
  elements('add', (c) => (c.to === undefined ? undefined : c.to === '' ? c.key : `${c.key} : ${c.to}`))
  for (const chain of gone) lines.push(`flush chain ip ${table} ${chain}`)
  for (const chain of gone) lines.push(`delete chain ip ${table} ${chain}`)
  return text(lines)

  function elements(command: string, write: (change: Change) => string | undefined): void {
    const byMap = new Map<string, string[]>()
    for (const change of changes) {
      if (change.map === 'chains') continue
      const element = write(change)
      if (element === undefined) continue
      const some = byMap.get(change.map)
      if (some) some.push(element)
      else byMap.set(change.map, [element])
    }
    for (const [map, some] of byMap)
      lines.push(`${command} element ip ${table} ${map} { ${some.join(', ')} }`)
  }
}

const text = (lines: readonly string[]) => (lines.length === 0 ? '' : `${lines.join('\n')}\n`)
