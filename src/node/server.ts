import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { ContainerStatus, Pod } from '../api/index.ts'
import type { Clock, Log } from '../base/index.ts'
import type { LogQuery } from './logs/line.ts'
import { readLog } from './logs/read.ts'
import type { ContainerRuntime, ObservedPod, StreamingRuntime } from './runtime/runtime.ts'

/** The certificate that the agent shows, who signs those it accepts, all PEM; asked again for each connection's sake. */
export interface ServingTls {
  readonly cert: string
  readonly key: string
  readonly clientCA: string
}

/** What the HTTPS endpoints of the agent look at. */
export interface KubeletView {
  pods(): readonly Pod[]
  find(namespace: string, name: string): { readonly pod: Pod; readonly observed: ObservedPod } | undefined
  /** Where a container of the pod writes its log. */
  logPath(pod: Pod, container: string, attempt: number): string
  /** Empty: healthy. */
  problems(): readonly string[]
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  resourceMetrics(): Promise<string>
  statsSummary(): Promise<object>
}

/** What exec, attach and port-forward need; they come as upgraded connections. */
export interface StreamContext {
  readonly runtime: StreamingRuntime & ContainerRuntime
  readonly view: KubeletView
  readonly clock: Clock
  readonly log: Log
}

/** Takes over an upgraded connection for /exec, /attach, /portForward and /run. */
export type StreamHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  context: StreamContext,
) => void

export interface KubeletServerOptions {
  readonly tls: () => ServingTls
  readonly host?: string
  readonly port: number
  readonly view: KubeletView
  readonly streams?: StreamHandler
  readonly runtime: StreamingRuntime & ContainerRuntime
  readonly clock: Clock
  readonly log: Log
}

export interface KubeletServer {
  readonly port: number
  /** Shows another certificate to connections from now on. */
  renew(): void
  close(): Promise<void>
}

/** Who may ask: the API server, and administrators. */
const ADMINS = 'system:masters'
const STREAM_PATHS = /^\/(exec|attach|portForward|run)\//

/** An answer that is not what was asked for. */
class HttpError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Serves the kubelet's HTTPS API. Callers prove who they are with a certificate of the cluster. */
export async function serveKubelet(options: KubeletServerOptions): Promise<KubeletServer> {
  const { log } = options
  const secure = () => {
    const { cert, key, clientCA } = options.tls()
    return { cert, key, ca: clientCA, minVersion: 'TLSv1.2' as const }
  }
  const server = createServer(
    {
      ...secure(),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      allowHalfOpen: true,
    },
    (req, res) => {
      answer(options, req, res).catch((error: unknown) => {
        const status = error instanceof HttpError ? error.status : 500
        if (status === 500)
          log.warn({ path: req.url, error: (error as Error).message }, 'cannot answer a request')
        if (!res.headersSent) res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' })
        res.end((error as Error).message)
      })
    },
  )
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const path = new URL(req.url ?? '/', 'https://kubelet').pathname
    if (!mayAsk(req)) return refuse(socket, 403, 'Forbidden')
    if (!STREAM_PATHS.test(path) || !options.streams) return refuse(socket, 404, 'Not Found')
    options.streams(req, socket, head, options)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => resolve())
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    renew: () => server.setSecureContext(secure()),
    close: () => closed(server),
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function refuse(socket: Duplex, status: number, text: string): void {
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function mayAsk(req: IncomingMessage): boolean {
  const subject = (req.socket as TLSSocket).getPeerCertificate().subject as
    | { O?: string | string[] }
    | undefined
  return [subject?.O ?? []].flat().includes(ADMINS)
}

async function answer(
  options: KubeletServerOptions,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { view } = options
  const url = new URL(req.url ?? '/', 'https://kubelet')
  if (!mayAsk(req)) throw new HttpError(403, 'Forbidden')
  if (req.method !== 'GET' && req.method !== 'HEAD') throw new HttpError(405, 'Method Not Allowed')
  const [, first, ...rest] = url.pathname.split('/').map(decodeURIComponent)
  switch (first) {
    case 'healthz':
    case 'livez':
    case 'readyz':
      return health(view, res)
    case 'metrics':
      return metrics(view, rest[0], res)
    case 'stats':
      if (rest[0] !== 'summary') break
      return json(res, await view.statsSummary())
    case 'pods':
      return json(res, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: view.pods() })
    case 'runningpods':
      return json(res, {
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: {},
        items: view.pods().filter((p) => p.status.phase === 'Running'),
      })
    case 'containerLogs':
      return containerLogs(options, req, res, rest, url.searchParams)
  }
  throw new HttpError(404, '404 page not found\n')
}

function json(res: ServerResponse, body: object): void {
  res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

function health(view: KubeletView, res: ServerResponse): void {
  const problems = view.problems()
  res.writeHead(problems.length === 0 ? 200 : 500, { 'Content-Type': 'text/plain; charset=utf-8' })
  res.end(problems.length === 0 ? 'ok' : problems.join('\n'))
}

async function metrics(view: KubeletView, which: string | undefined, res: ServerResponse): Promise<void> {
  if (which === 'resource') {
    res
      .writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' })
      .end(await view.resourceMetrics())
    return
  }
  if (which) throw new HttpError(404, '404 page not found\n')
  const { contentType, text } = await view.metrics()
  res.writeHead(200, { 'Content-Type': contentType }).end(text)
}

async function containerLogs(
  options: KubeletServerOptions,
  req: IncomingMessage,
  res: ServerResponse,
  [namespace = '', podName = '', container = '']: readonly string[],
  query: URLSearchParams,
): Promise<void> {
  const found = options.view.find(namespace, podName)
  if (!found) throw new HttpError(404, `pod "${podName}" not found\n`)
  const { pod } = found
  const known = [
    ...(pod.spec.initContainers ?? []),
    ...pod.spec.containers,
    ...(pod.spec.ephemeralContainers ?? []),
  ]
  if (!known.some((c) => c.name === container))
    throw new HttpError(404, `container "${container}" not found in pod "${podName}"\n`)
  const wanted = logQuery(query, options.clock.now())
  const seen = found.observed.containers.filter((c) => c.name === container)
  const previous = query.get('previous') === 'true'
  // While a container waits for its next start, its last run is both the present and the previous one.
  const target = previous
    ? seen.find((c) => `containerd://${c.id}` === statusOf(pod, container)?.lastState.terminated?.containerID)
    : seen.find((c) => c.state !== 'created')
  if (!target) {
    throw new HttpError(
      400,
      previous
        ? `previous terminated container "${container}" in pod "${podName}" not found`
        : `container "${container}" in pod "${podName}" is waiting to start: ${statusOf(pod, container)?.state.waiting?.reason ?? 'ContainerCreating'}`,
    )
  }
  const stop = new AbortController()
  res.on('close', () => stop.abort())
  const running = () =>
    options.view.find(namespace, podName)?.observed.containers.find((c) => c.id === target.id)?.state ===
    'running'
  const path = options.view.logPath(pod, container, target.attempt)
  const log = readLog(path, wanted, { clock: options.clock, running, signal: stop.signal })
  const begin = () => {
    if (!res.headersSent)
      res.writeHead(200, { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' }).flushHeaders()
  }
  if (wanted.follow) begin()
  try {
    for await (const chunk of log) {
      begin()
      if (!res.write(chunk))
        await new Promise<void>((resolve) => {
          res.once('drain', resolve)
          res.once('close', resolve)
        })
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    if (!wanted.follow)
      throw new HttpError(
        404,
        `cannot read the log of container "${container}": it is not on this node any more`,
      )
  }
  begin()
  res.end()
  void req
}

function statusOf({ status }: Pod, container: string): ContainerStatus | undefined {
  const all = [
    ...(status.initContainerStatuses ?? []),
    ...(status.containerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ]
  return all.find((s) => s.name === container)
}

function logQuery(query: URLSearchParams, nowMs: number): LogQuery {
  const number = (name: string): number | undefined => {
    const text = query.get(name)
    if (text === null || text === '') return undefined
    const n = Number(text)
    if (!Number.isInteger(n) || n < 0)
      throw new HttpError(400, `cannot read ${name} "${text}": expected a whole number of 0 or more`)
    return n
  }
  const since = number('sinceSeconds')
  const sinceTime = query.get('sinceTime')
  const sinceMs = since !== undefined ? nowMs - since * 1000 : sinceTime ? Date.parse(sinceTime) : undefined
  if (sinceMs !== undefined && Number.isNaN(sinceMs))
    throw new HttpError(400, `cannot read sinceTime "${sinceTime}": expected an RFC 3339 time`)
  const tailLines = number('tailLines')
  const limitBytes = number('limitBytes')
  const stream = query.get('stream')?.toLowerCase()
  return {
    follow: query.get('follow') === 'true',
    timestamps: query.get('timestamps') === 'true',
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(stream === 'stdout' || stream === 'stderr' ? { stream } : {}),
  }
}
