import { servedKinds } from '../../api/index.ts'
import type { Kind, Verb } from '../../schema/index.ts'

/** The kinds that have all these verbs, each store once: of a resource served in several forms, one. */
export function kindsWith(...verbs: readonly Verb[]): Kind[] {
  const chosen = new Map<string, Kind>()
  for (const kind of servedKinds as readonly Kind[]) {
    const { group, plural } = kind.resource
    if (group === 'events.k8s.io' || !verbs.every((v) => kind.resource.verbs.includes(v))) continue
    chosen.set(`${group}/${plural}`, kind)
  }
  return [...chosen.values()]
}
