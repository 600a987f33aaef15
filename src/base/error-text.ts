/**
 * An error and what caused it, each said once:
 *
 *     cannot start the cluster
 *       because: cannot reach containerd at "/…": it does not run
 */
export function errorText(error: unknown): string {
  const lines: string[] = []
  const seen = new Set<unknown>()
  let current: unknown = error
  while (current !== undefined && current !== null && !seen.has(current) && lines.length < 8) {
    seen.add(current)
    const message = messageOf(current)
    if (!lines.some((line) => line.includes(message))) lines.push(message)
    current = current instanceof AggregateError ? current.errors[0] : (current as { cause?: unknown }).cause
  }
  return lines.map((line, i) => (i === 0 ? line : `  because: ${line.replaceAll('\n', '\n    ')}`)).join('\n')
}

/** What a refusal of the API may carry: all that is wrong, a field each. */
interface Refusal extends Error {
  readonly details?: { readonly causes?: readonly { readonly field?: string; readonly message?: string }[] }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // A bug of ours (or of the runtime's) is only found with its place in the code.
  if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError)
    return error.stack ?? error.message
  const causes = ((error as Refusal).details?.causes ?? []).filter((c) => c.field)
  const list = error.message.indexOf(': [')
  if (causes.length > 1 && list > 0) {
    const lines = causes.map(({ field, message }) => `\n  ${field}: ${message}`)
    return error.message.slice(0, list + 1) + lines.join('')
  }
  return error.message || error.name
}
