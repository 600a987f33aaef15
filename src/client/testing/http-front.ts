import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Api, ApiError, badRequest, kindForResource, notFound } from '../../api/index.ts'
import type { Kind } from '../../schema/index.ts'

/** Answers a request in place of the API, or returns false to let it pass. */
export type Intercept = (request: http.IncomingMessage, response: http.ServerResponse) => boolean

/**
 * Serves an `Api` over plain HTTP on loopback: just enough of the wire for the client's own tests. The real server
 * runs the same suite in test/.
 */
export async function httpFront(api: Api, intercept: Intercept = () => false) {
  const server = http.createServer((request, response) => {
    if (intercept(request, response)) return
    serve(api, request, response).catch((error: unknown) => {
      const refusal = error instanceof ApiError ? error : new ApiError('InternalError', String(error))
      if (response.headersSent) return response.destroy()
      response.writeHead(refusal.code, { 'content-type': 'application/json' })
      response.end(JSON.stringify(refusal.status))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Target {
  readonly kind: Kind
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
}

function targetOf(path: string): Target {
  const parts = path.split('/').slice(1).map(decodeURIComponent)
  const [group, version, ...rest] = parts[0] === 'api' ? ['', parts[1]!, ...parts.slice(2)] : parts.slice(1)
  // `namespaces/x` alone is the object; with a plural after it, a scope.
  const scoped = rest[0] === 'namespaces' && rest.length > 2 && !['finalize', 'status'].includes(rest[2]!)
  const [plural, name, subresource] = scoped ? rest.slice(2) : rest
  const kind = kindForResource(group!, version!, plural!)
  if (!kind) throw notFound({ group: group!, plural: plural!, kind: plural! }, '')
  return {
    kind,
    ...(scoped ? { namespace: rest[1]! } : {}),
    ...(name ? { name } : {}),
    ...(subresource ? { subresource } : {}),
  }
}

const PATCHES: Record<string, 'json' | 'merge' | 'strategic'> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
}

async function serve(api: Api, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const url = new URL(request.url!, 'http://front')
  const parameters = Object.fromEntries(url.searchParams)
  const { kind, namespace, name, subresource } = targetOf(url.pathname)
  const key = { namespace, name: name ?? '' }
  const tried = parameters.dryRun ? { dryRun: true } : {}
  const sub = { ...(subresource ? { subresource } : {}), ...tried }
  if (parameters.watch) return serveWatch(api, kind, { ...parameters, namespace }, response)
  const body = await bodyOf(request)
  const answer = async (): Promise<unknown> => {
    switch (request.method) {
      case 'GET':
        if (name) return api.get(kind, key)
        return api.list(kind, { ...parameters, namespace, limit: Number(parameters.limit ?? 0) })
      case 'POST':
        return name
          ? api.call(kind, key, { subresource: subresource!, method: 'POST', body })
          : api.create(kind, body, tried)
      case 'PUT':
        return api.update(kind, body, sub)
      case 'PATCH':
        return api.patch(kind, key, { type: PATCHES[request.headers['content-type']!]!, body } as never, sub)
      case 'DELETE':
        return api.delete(kind, key, body)
      default:
        throw badRequest(`no method ${request.method}`)
    }
  }
  const text = JSON.stringify(await answer())
  response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
  response.end(text)
}

async function serveWatch(
  api: Api,
  kind: Kind,
  parameters: Record<string, string | undefined>,
  response: http.ServerResponse,
): Promise<void> {
  const stop = new AbortController()
  response.on('close', () => stop.abort())
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
  const write = (event: object) => response.write(`${JSON.stringify(event)}\n`)
  const { sendInitialEvents, ...options } = parameters as Record<string, string>
  try {
    for await (const event of api.watch(kind, {
      ...options,
      sendInitialEvents: sendInitialEvents === 'true',
      signal: stop.signal,
    })) {
      if (event.type !== 'BOOKMARK') write(event)
      else {
        const annotations = event.initialEventsEnd ? { 'k8s.io/initial-events-end': 'true' } : {}
        write({
          type: 'BOOKMARK',
          object: { metadata: { resourceVersion: event.resourceVersion, annotations } },
        })
      }
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    write({ type: 'ERROR', object: error.status })
  }
  response.end()
}

async function bodyOf(request: http.IncomingMessage): Promise<never> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return (text === '' ? {} : JSON.parse(text)) as never
}
