import { EVENT_ID, type Event, getScalarValue, parseEvents } from 'js-yaml'

/** Line numbers (from 1) by the path of what stands there: `spec.containers[0].image`. */
export type Lines = ReadonlyMap<string, number>

type Frame =
  | { readonly in: 'document' }
  | { readonly in: 'list'; readonly path: string; next: number }
  | { readonly in: 'map'; readonly path: string; key: string | undefined }

/** Of each document of a YAML text that can be read, in their order. */
export function linesOf(text: string): Lines[] {
  const lineAt = lineCounter(text)
  const documents: Map<string, number>[] = []
  const frames: Frame[] = []
  for (const event of parseEvents(text, {})) {
    if (event.type === EVENT_ID.POP) {
      frames.pop()
      continue
    }
    if (event.type === EVENT_ID.DOCUMENT) {
      documents.push(new Map())
      frames.push({ in: 'document' })
      continue
    }
    const path = place(frames.at(-1), event, text)
    // A key stands where its value is looked for: the line of `image:`, not of what follows it.
    const lines = documents.at(-1)!
    if (path !== undefined && !lines.has(path)) lines.set(path, lineAt(startOf(event)))
    if (event.type === EVENT_ID.SEQUENCE) frames.push({ in: 'list', path: path ?? '?', next: 0 })
    else if (event.type === EVENT_ID.MAPPING) frames.push({ in: 'map', path: path ?? '?', key: undefined })
  }
  return documents
}

/** The path of what an event begins. Keys and values of a map take turns. */
function place(
  frame: Frame | undefined,
  event: Exclude<Event, { type: typeof EVENT_ID.POP | typeof EVENT_ID.DOCUMENT }>,
  text: string,
): string | undefined {
  if (frame?.in === 'list') return `${frame.path}[${frame.next++}]`
  if (frame?.in !== 'map') return ''
  const { path, key } = frame
  if (key !== undefined) {
    frame.key = undefined
    return key
  }
  const name = event.type === EVENT_ID.SCALAR ? getScalarValue(text, event) : '?'
  frame.key = path === '' ? name : `${path}.${name}`
  return frame.key
}

function startOf(event: Event): number {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart
  return 'start' in event ? event.start : 0
}

/** Positions are asked for in rising order, nearly: the text is read once. */
function lineCounter(text: string): (position: number) => number {
  let at = 0
  let line = 1
  return (position) => {
    if (position < at) {
      at = 0
      line = 1
    }
    for (; at < position && at < text.length; at++) if (text.charCodeAt(at) === 10) line++
    return line
  }
}

/** Where a field stands, or what it would stand in; undefined for an object that is not in the text. */
export function lineOfField(lines: Lines | undefined, field: string): number | undefined {
  for (let path = field; path !== ''; path = path.replace(/(^|\.)[^.[\]]*$|\[[^\]]*\]$/, '')) {
    // The keys of maps are shown as metadata.labels[app] by validation.
    const line = lines?.get(path) ?? lines?.get(path.replace(/\[([^\]]*)\]$/, '.$1'))
    if (line !== undefined) return line
    if (!/[.[]/.test(path)) break
  }
  return lines?.get('')
}
