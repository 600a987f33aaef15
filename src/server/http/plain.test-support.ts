import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { type Log, silentLog, systemClock, systemRandom } from '../../base/index.ts'
import { openMemoryStore, type Store } from '../../store/index.ts'
import { type ApiServer, type ApiServerOptions, createApiServer } from '../server.ts'
import { openSecurity } from '../testing.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly json: any
}

export interface PlainServer {
  readonly server: ApiServer
  readonly store: Store
  readonly port: number
  /** Objects go as JSON; what is no JSON names its content type in the headers. */
  send(
    method: string,
    path: string,
    body?: string | Buffer | object,
    headers?: Record<string, string>,
  ): Promise<Answer>
  close(): Promise<void>
}

/** A server without TLS to which everybody is an administrator by default, and a client that sends it anything. */
export async function plainServer(
  log: Log = silentLog,
  security: ApiServerOptions['security'] = () => openSecurity(),
): Promise<PlainServer> {
  const clock = systemClock({ background: true })
  const store = openMemoryStore({ clock })
  const server = await createApiServer({
    store,
    clock,
    random: systemRandom(),
    log,
    security,
    network: { serviceCidr: '10.96.0.0/24', nodePorts: { from: 30_000, to: 30_100 } },
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const agent = new Agent({ keepAlive: true })
  return {
    server,
    store,
    port,
    send: (method, path, body, headers = {}) => {
      const isRaw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
      const bytes = isRaw ? body : JSON.stringify(body)
      const length = bytes === undefined ? {} : { 'content-length': String(Buffer.byteLength(bytes)) }
      const options = { host: '127.0.0.1', port, method, path, agent }
      return new Promise((resolve, reject) => {
        const all = { 'content-type': 'application/json', ...length, ...headers }
        const req = httpRequest({ ...options, headers: all }, (res) => {
          const chunks: Buffer[] = []
          res.on('data', (chunk) => chunks.push(chunk))
          res.on('end', () => resolve(answerOf(res.statusCode!, res.headers, Buffer.concat(chunks))))
        })
        req.on('error', reject)
        req.end(bytes)
      })
    },
    async close() {
      agent.destroy()
      await server.close(0)
      await store.close()
    },
  }
}

function answerOf(status: number, headers: IncomingHttpHeaders, bytes: Buffer): Answer {
  const text = bytes.toString()
  return {
    status,
    headers,
    bytes,
    text,
    get json() {
      return JSON.parse(text)
    },
  }
}
