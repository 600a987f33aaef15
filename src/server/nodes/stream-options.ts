import { badRequest, invalid } from '../../api/index.ts'
import type { Problem } from '../../schema/index.ts'

/** What the client asks of pods/log, in the words that the node's agent takes. Throws 422 like Kubernetes. */
export function logQuery(query: URLSearchParams): URLSearchParams {
  const problems: Problem[] = []
  const out = new URLSearchParams()
  const number = (name: string, min: number, detail: string) => {
    const text = query.get(name)
    if (text === null || text === '') return
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value))
      throw badRequest(
        `cannot read query parameter ${name}: expected an integer, got ${JSON.stringify(text)}`,
      )
    if (value < min) problems.push({ type: 'Invalid', field: name, value, detail })
    out.set(name, text)
  }
  for (const name of ['follow', 'previous', 'timestamps']) if (flag(query, name)) out.set(name, 'true')
  number('tailLines', 0, 'must be greater than or equal to 0')
  number('limitBytes', 1, 'must be greater than 0')
  number('sinceSeconds', 1, 'must be greater than 0')
  const sinceTime = query.get('sinceTime')
  if (sinceTime !== null && sinceTime !== '') {
    if (Number.isNaN(Date.parse(sinceTime)))
      throw badRequest(
        `cannot read query parameter sinceTime: expected an RFC 3339 time, got ${JSON.stringify(sinceTime.slice(0, 100))}`,
      )
    if (out.has('sinceSeconds'))
      problems.push({
        type: 'Forbidden',
        field: '',
        detail: 'at most one of `sinceTime` or `sinceSeconds` may be specified',
      })
    out.set('sinceTime', sinceTime)
  }
  const stream = query.get('stream')
  if (stream !== null && stream !== '') {
    if (!['All', 'Stdout', 'Stderr'].includes(stream)) {
      problems.push({
        type: 'NotSupported',
        field: 'stream',
        value: stream,
        detail: 'supported values: "All", "Stdout", "Stderr"',
      })
    } else if (stream !== 'All' && out.has('tailLines')) {
      problems.push({
        type: 'Forbidden',
        field: '',
        detail: '`tailLines` and specific `stream` are mutually exclusive for now',
      })
    }
    out.set('stream', stream)
  }
  if (problems.length > 0) throw invalid({ group: '', plural: 'pods', kind: 'PodLogOptions' }, '', problems)
  return out
}

/** The query of exec and attach: which streams, a terminal or not, and for exec the command. */
export function execQuery(query: URLSearchParams, subresource: 'exec' | 'attach'): URLSearchParams {
  const out = new URLSearchParams()
  const tty = flag(query, 'tty')
  if (flag(query, 'stdin')) out.set('input', '1')
  if (flag(query, 'stdout')) out.set('output', '1')
  // A terminal has one stream for both.
  if (flag(query, 'stderr') && !tty) out.set('error', '1')
  if ([...out.keys()].length === 0)
    throw badRequest(`cannot ${subresource}: expected at least one of stdin, stdout and stderr`)
  if (tty) out.set('tty', '1')
  if (subresource === 'exec') {
    const command = query.getAll('command')
    if (command.length === 0) throw badRequest('cannot exec: expected a command')
    for (const word of command) out.append('command', word)
  }
  return out
}

/** WebSocket clients name the ports in the query (SPDY clients in each stream's headers). */
export function portForwardQuery(query: URLSearchParams): URLSearchParams {
  const out = new URLSearchParams()
  for (const text of query.getAll('ports').flatMap((list) => list.split(','))) {
    const port = Number(text)
    if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65535)
      throw badRequest(
        `cannot forward port ${JSON.stringify(text.slice(0, 20))}: expected a number from 1 to 65535`,
      )
    out.append('port', text)
  }
  return out
}

/** Kubernetes' reading of a query flag: there and not 0 or false. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)?.toLowerCase()
  return value !== undefined && value !== 'false' && value !== '0'
}
