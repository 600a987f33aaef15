import {
  matchesFields as fieldsMatch,
  matchesLabels as labelsMatch,
  parseFieldSelector,
  parseLabelSelector,
} from '../../schema/index.ts'

export function matchesLabels(
  selector: string | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return !selector || labelsMatch(parseLabelSelector(selector), labels)
}

/** Any field may be selected by; the server knows only some. */
export function matchesFields(selector: string | undefined, object: object): boolean {
  if (!selector) return true
  return fieldsMatch(parseFieldSelector(selector), (path) => {
    const found = path
      .split('.')
      .reduce<unknown>((o, name) => (o as Record<string, unknown> | undefined)?.[name], object)
    return String(found ?? '')
  })
}
