import { matchesLabels as matches, parseFieldSelector, parseLabelSelector } from '../../schema/index.ts'

export function matchesLabels(
  selector: string | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return !selector || matches(parseLabelSelector(selector), labels)
}

/** Any field may be selected by; the server knows only some. */
export function matchesFields(selector: string | undefined, object: object): boolean {
  if (!selector) return true
  return parseFieldSelector(selector).every(({ field, equal, value }) => {
    const found = field
      .split('.')
      .reduce<unknown>((o, name) => (o as Record<string, unknown>)?.[name], object)
    return equal === (String(found ?? '') === value)
  })
}
