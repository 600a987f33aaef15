import { ApiError, kindForResource, type UserInfo } from '../../api/index.ts'
import type { Clock, Log } from '../../base/index.ts'
import type { Kind } from '../../schema/index.ts'
import type { Operations } from '../operations.ts'
import { noSuchPath } from '../registry/resources.ts'
import { AnswerContext, sendError } from './answer.ts'
import type { Deadlines } from './deadlines.ts'
import type { Exchange } from './exchange.ts'
import type { HealthCheck } from './health.ts'
import { type Inflight, isLongRunning } from './inflight.ts'
import type { ServerMetrics } from './metrics.ts'
import { type RequestInfo, requestInfo } from './request-info.ts'
import { resourceRequest } from './resource-request.ts'
import type { WatchStream } from './watch-stream.ts'

export const ANONYMOUS: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] }
const AUTHENTICATED = 'system:authenticated'

export interface HandlerParts {
  readonly operations: Operations
  readonly clock: Clock
  readonly log: Log
  readonly inflight: Inflight
  readonly deadlines: Deadlines
  readonly metrics: ServerMetrics
  readonly serves: (kind: Kind) => boolean
  /** Paths that name no resource; false when the path leads nowhere. */
  nonResource(request: Request): boolean | Promise<boolean>
  proxy(request: Request): Promise<void>
  /** What says how the parts of the server are. */
  readonly checks: readonly HealthCheck[]
  /** The watches that are open, to end them with the server. */
  readonly watches: Set<WatchStream>
  readonly closing: AbortSignal
}

/** A request whose sender and purpose are known. */
export interface Request {
  readonly exchange: Exchange
  readonly info: RequestInfo
  readonly user: UserInfo
  readonly context: AnswerContext
  readonly parts: HandlerParts
}

export const REQUEST_TIMEOUT_MS = 60_000

/** From an exchange to its answer; it never throws. */
export function handle(exchange: Exchange, parts: HandlerParts): void {
  const context = new AnswerContext()
  const { clock, metrics } = parts
  const startedMs = clock.monotonic()
  let info: RequestInfo | undefined
  const atEnd: (() => void)[] = []
  const end = () => {
    for (const fn of atEnd.splice(0)) fn()
    metrics.observe(info, exchange.method, exchange.status, clock.monotonic() - startedMs)
  }
  const fail = (error: unknown) => {
    sendError(exchange, error instanceof ApiError ? error : bug(error, exchange, parts.log), context)
    end()
  }
  const run = async () => {
    info = requestInfo(exchange.method, exchange.target)
    if (parts.closing.aborted && info.isResource) throw shuttingDown()
    const user = await identify(exchange, parts)
    atEnd.push(parts.inflight.enter(user, info))
    if (!isLongRunning(info))
      atEnd.push(parts.deadlines.start(() => sendError(exchange, timedOut(), context)))
    const allowed = parts.operations.authorize(user, info)
    if (allowed) await allowed
    const request: Request = { exchange, info, user, context, parts }
    if (info.isResource) await resourceRequest(request, kindOf(info, parts))
    else if (!(await parts.nonResource(request))) throw noSuchPath()
  }
  run().then(end, fail)
}

/** Clients try again, and then reach whoever serves next. */
function shuttingDown(): ApiError {
  return new ApiError('ServiceUnavailable', 'the server is shutting down', { retryAfterSeconds: 1 })
}

function timedOut(): ApiError {
  return new ApiError('Timeout', `request did not complete within ${REQUEST_TIMEOUT_MS / 1000}s`)
}

/** Who asks; the same for upgraded connections. */
export async function identify(exchange: Exchange, parts: HandlerParts): Promise<UserInfo> {
  if (exchange.badCertificate) throw unauthorized()
  const { authenticator } = parts.operations.security
  let user = authenticator.authenticate(exchange)
  if (user instanceof Promise) user = await user
  if (!user) return ANONYMOUS
  if (user.groups.includes(AUTHENTICATED) || user === ANONYMOUS || user.username === ANONYMOUS.username)
    return user
  return { ...user, groups: [...user.groups, AUTHENTICATED] }
}

function unauthorized(): ApiError {
  return new ApiError('Unauthorized', 'Unauthorized')
}

export function kindOf(info: RequestInfo, parts: HandlerParts): Kind {
  const kind = kindForResource(info.group, info.version, info.resource)
  if (!kind || !parts.serves(kind)) throw noSuchPath()
  return kind
}

function bug(error: unknown, exchange: Exchange, log: Log): ApiError {
  log.error(
    { err: error, method: exchange.method, path: exchange.path },
    'a request failed in a way it should not',
  )
  return new ApiError(
    'InternalError',
    `an error on the server has prevented the request from succeeding: ${(error as Error)?.message ?? error}`,
  )
}
