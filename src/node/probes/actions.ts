import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createConnection } from 'node:net'
import type { Container, ExecAction, GRPCAction, HTTPGetAction, TCPSocketAction } from '../../api/index.ts'
import { type Clock, http } from '../../base/index.ts'
import {
  decode,
  encode,
  GRPC_DEADLINE_EXCEEDED,
  GRPC_UNIMPLEMENTED,
  GrpcError,
  grpcChannel,
  int,
  message,
  str,
} from '../cri/index.ts'
import { type ContainerRuntime, ExecTimeoutError } from '../runtime/runtime.ts'

/** 'unknown': the probe could not be made; it counts neither way. */
export interface ProbeOutcome {
  readonly result: 'success' | 'failure' | 'warning' | 'unknown'
  readonly output: string
}

export interface ProbeTarget {
  readonly container: Container
  readonly containerId: string
  readonly podIP: string
}

export interface ProbeTools {
  readonly runtime: Pick<ContainerRuntime, 'exec'>
  readonly clock: Clock
}

interface Handler {
  readonly exec?: ExecAction | undefined
  readonly httpGet?: HTTPGetAction | undefined
  readonly tcpSocket?: TCPSocketAction | undefined
  readonly grpc?: GRPCAction | undefined
}

const MAX_OUTPUT = 10 * 1024
const MAX_REDIRECTS = 10
const USER_AGENT = 'kube-probe/1.36'

/** Makes one probe; never rejects. */
export async function probe(
  tools: ProbeTools,
  handler: Handler,
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  try {
    if (handler.exec) return await execProbe(tools, handler.exec.command ?? [], target, timeoutMs, signal)
    if (handler.httpGet) return await httpProbe(tools, handler.httpGet, target, timeoutMs, signal)
    if (handler.tcpSocket) return await tcpProbe(tools, handler.tcpSocket, target, timeoutMs, signal)
    if (handler.grpc) return await grpcProbe(tools, handler.grpc, target, timeoutMs)
    return { result: 'unknown', output: `missing probe handler for container ${target.container.name}` }
  } catch (error) {
    return { result: 'unknown', output: (error as Error).message }
  }
}

async function execProbe(
  tools: ProbeTools,
  command: readonly string[],
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  try {
    const { exitCode, stdout, stderr } = await tools.runtime.exec(
      target.containerId,
      command,
      timeoutMs,
      signal,
    )
    return { result: exitCode === 0 ? 'success' : 'failure', output: (stdout + stderr).slice(0, MAX_OUTPUT) }
  } catch (error) {
    if (error instanceof ExecTimeoutError)
      return {
        result: 'failure',
        output: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${Math.ceil(timeoutMs / 1000)}s`,
      }
    throw error
  }
}

/** A port by number, or by the name a port of the container has. */
export function portOf(container: Container, port: string | number): number {
  if (typeof port === 'number') return port
  const named = container.ports?.find((p) => p.name === port)
  const number = named ? named.containerPort : Number(port)
  if (!Number.isInteger(number) || number < 1 || number > 65535)
    throw new Error(`couldn't find port: ${port} in container ${container.name}`)
  return number
}

/** Does an HTTP request of a probe or hook; resolves to the answer's status and the start of its body. */
export async function httpGet(
  tools: Pick<ProbeTools, 'clock'>,
  action: HTTPGetAction,
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string; readonly redirectedTo?: string }> {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase()
  const host = action.host || target.podIP
  const path = action.path || '/'
  const headers: Record<string, string> = { 'User-Agent': USER_AGENT, Accept: '*/*' }
  for (const h of action.httpHeaders ?? []) {
    // An empty value takes a default header away.
    const same = Object.keys(headers).find((k) => k.toLowerCase() === h.name.toLowerCase())
    if (same) delete headers[same]
    if (h.value !== '' || !same) headers[h.name] = h.value
  }
  let url = new URL(
    `${scheme}://${host.includes(':') ? `[${host}]` : host}:${portOf(target.container, action.port)}${path.startsWith('/') ? path : `/${path}`}`,
  )
  const first = url.hostname
  for (let i = 0; i <= MAX_REDIRECTS; i++) {
    const answer = await once(tools.clock, url, headers, timeoutMs, signal)
    const location = answer.status >= 300 && answer.status < 400 ? answer.location : undefined
    if (location === undefined) return answer
    const next = new URL(location, url)
    if (next.hostname !== first) return { status: answer.status, body: answer.body, redirectedTo: next.href }
    url = next
  }
  throw new Error(`stopped after ${MAX_REDIRECTS} redirects`)
}

function once(
  clock: Clock,
  url: URL,
  headers: Record<string, string>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ status: number; body: string; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : http.request
    // A probe asks whether something answers, not who it is. No connection is kept: a probe is a new one each time.
    const req = send(url, {
      headers: { ...headers, Connection: 'close' },
      rejectUnauthorized: false,
      agent: false,
      signal,
    } as object)
    const cancel = clock.after(timeoutMs, () =>
      req.destroy(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')),
    )
    req.on('error', (error) => {
      cancel()
      reject(new Error(`Get "${url.href}": ${netErrorText(error)}`))
    })
    req.on('response', (res: IncomingMessage) => {
      const chunks: Buffer[] = []
      let size = 0
      const done = () => {
        cancel()
        res.destroy()
        resolve({
          status: res.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8').slice(0, MAX_OUTPUT),
          location: res.headers.location,
        })
      }
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size > MAX_OUTPUT) done()
      })
      res.on('end', done)
      res.on('error', done)
    })
    req.end()
  })
}

/** `dial tcp 10.1.2.3:80: connect: connection refused`, as the errors of probes read everywhere. */
function netErrorText(error: Error): string {
  const e = error as NodeJS.ErrnoException & { address?: string; port?: number }
  const words = {
    ECONNREFUSED: 'connection refused',
    EHOSTUNREACH: 'no route to host',
    ENETUNREACH: 'network is unreachable',
    ECONNRESET: 'connection reset by peer',
    ETIMEDOUT: 'connection timed out',
  }[e.code ?? '']
  if (!words) return e.message
  if (e.code === 'ECONNRESET') return e.syscall === 'read' ? `read: ${words}` : 'EOF'
  return `dial tcp ${e.address ?? ''}${e.port ? `:${e.port}` : ''}: connect: ${words}`
}

/** What went wrong first, below all that it led to. */
function firstCause(error: Error): Error {
  return error.cause instanceof Error ? firstCause(error.cause) : error
}

async function httpProbe(
  tools: ProbeTools,
  action: HTTPGetAction,
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  let answer: Awaited<ReturnType<typeof httpGet>>
  try {
    answer = await httpGet(tools, action, target, timeoutMs, signal)
  } catch (error) {
    return { result: 'failure', output: (error as Error).message }
  }
  if (answer.redirectedTo)
    return { result: 'warning', output: `Probe terminated redirects, Response body: ${answer.body}` }
  if (answer.status >= 200 && answer.status < 400) return { result: 'success', output: answer.body }
  return { result: 'failure', output: `HTTP probe failed with statuscode: ${answer.status}` }
}

function tcpProbe(
  tools: ProbeTools,
  action: TCPSocketAction,
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const host = action.host || target.podIP
  const port = portOf(target.container, action.port)
  return new Promise((resolve) => {
    const socket = createConnection({ host, port })
    const finish = (outcome: ProbeOutcome) => {
      cancel()
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      resolve(outcome)
    }
    const onAbort = () => finish({ result: 'unknown', output: 'cancelled' })
    const cancel = tools.clock.after(timeoutMs, () =>
      finish({ result: 'failure', output: `dial tcp ${host}:${port}: i/o timeout` }),
    )
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('connect', () => finish({ result: 'success', output: '' }))
    socket.on('error', (error) => finish({ result: 'failure', output: netErrorText(error) }))
  })
}

const HealthCheckRequest = message({ service: str(1) })
const HealthCheckResponse = message({ status: int(1) })
const SERVING = 1
const STATUS_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

async function grpcProbe(
  tools: ProbeTools,
  action: GRPCAction,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const address = `${target.podIP}:${action.port}`
  const channel = grpcChannel(
    address,
    () => createConnection({ host: target.podIP, port: action.port }),
    tools.clock,
  )
  try {
    const data = await channel.unary(
      '/grpc.health.v1.Health/Check',
      encode(HealthCheckRequest, { service: action.service ?? '' }),
      { timeoutMs },
    )
    const { status } = decode(HealthCheckResponse, data)
    if (status === SERVING) return { result: 'success', output: 'service healthy' }
    return {
      result: 'failure',
      output: `service unhealthy (responded with "${STATUS_NAMES[status] ?? status}")`,
    }
  } catch (error) {
    if (error instanceof GrpcError && error.code === GRPC_UNIMPLEMENTED) {
      return {
        result: 'failure',
        output: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.message}`,
      }
    }
    if (error instanceof GrpcError && error.code === GRPC_DEADLINE_EXCEEDED)
      return {
        result: 'failure',
        output: `timeout: health rpc did not complete within ${Math.ceil(timeoutMs / 1000)}s`,
      }
    const first = firstCause(error as Error)
    return {
      result: 'failure',
      output:
        (first as NodeJS.ErrnoException).code === undefined || first instanceof GrpcError
          ? `error: health rpc probe failed: ${first.message}`
          : `error: failed to connect service at "${address}": ${netErrorText(first)}`,
    }
  } finally {
    channel.close()
  }
}
