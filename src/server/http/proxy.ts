import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError } from '../../api/index.ts'
import type { Kind } from '../../schema/index.ts'
import type { ProxyRequest } from '../contracts.ts'
import { OTHER_BODIES, PROXIED } from '../operations.ts'
import { Http1Exchange } from './exchange.ts'
import { type HandlerParts, identify, kindOf, type Request } from './handler.ts'
import { requestInfo } from './request-info.ts'

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const CONNECTS = new Set(['exec', 'attach', 'portforward', 'proxy'])

/** pods/log, …/proxy, and the rest when no upgrade was asked for. */
export async function proxyPlain(request: Request, kind: Kind): Promise<void> {
  const { exchange, info, parts, user, context } = request
  const abort = new AbortController()
  exchange.onClose(() => abort.abort())
  await admitConnect(parts, kind, request)
  await parts.operations.security.nodeProxy.handle({
    attributes: info,
    user,
    method: exchange.method,
    proxyPath: info.rest,
    query: info.query,
    headers: exchange.headers,
    signal: AbortSignal.any([abort.signal, parts.closing]),
    connection: {
      type: 'plain',
      body: exchange.body,
      respond(status, headers) {
        const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()))
        return exchange.open(status, Object.fromEntries(kept))
      },
    },
  })
  void context
}

/** A request that wants to become another protocol: exec, attach, port-forward, proxied web sockets. */
export function handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer, parts: HandlerParts): void {
  const exchange = new UpgradeExchange(req)
  let handedOver = false
  const run = async () => {
    const info = requestInfo(exchange.method, exchange.target)
    const user = await identify(exchange, parts)
    const allowed = parts.operations.authorize(user, info)
    if (allowed) await allowed
    if (!info.isResource || !PROXIED.has(info.subresource) || OTHER_BODIES.has(info.subresource)) {
      throw new ApiError('BadRequest', 'this path takes no protocol upgrade')
    }
    const kind = kindOf(info, parts)
    const abort = new AbortController()
    socket.once('close', () => abort.abort())
    await admitConnect(parts, kind, { info, user, context: { warn() {} } })
    const proxied: ProxyRequest = {
      attributes: info,
      user,
      method: exchange.method,
      proxyPath: info.rest,
      query: info.query,
      headers: req.headers,
      signal: AbortSignal.any([abort.signal, parts.closing]),
      connection: { type: 'upgrade', socket, head },
    }
    await parts.operations.security.nodeProxy.handle(proxied)
    handedOver = true
  }
  socket.on('error', () => socket.destroy())
  run().catch((error) => {
    if (handedOver || socket.destroyed || !socket.writable) return socket.destroy()
    writeStatus(
      socket,
      error instanceof ApiError
        ? error
        : new ApiError('InternalError', String((error as Error)?.message ?? error)),
    )
  })
}

async function admitConnect(
  parts: HandlerParts,
  kind: Kind,
  request: { info: Request['info']; user: Request['user']; context: { warn(text: string): void } },
): Promise<void> {
  const { info, user } = request
  if (!CONNECTS.has(info.subresource)) return
  const key = kind.resource.namespaced ? { namespace: info.namespace, name: info.name } : { name: info.name }
  const caller = { user, warn: (text: string) => request.context.warn(text) }
  const { registry } = parts.operations
  await registry.admitOnly(registry.admissionFor(kind, info.subresource, key, caller, false, 'CONNECT'))
}

function writeStatus(socket: Duplex, error: ApiError): void {
  const body = `${JSON.stringify(error.status)}\n`
  const length = Buffer.byteLength(body)
  socket.end(
    `HTTP/1.1 ${error.code} ${error.reason}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/** The facts of an upgrade request; its answer goes to the raw socket. */
class UpgradeExchange extends Http1Exchange {
  constructor(req: IncomingMessage) {
    super(req, undefined as never)
  }
}
