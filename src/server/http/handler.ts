import { ApiError, kindForResource, type UserInfo } from '../../api/index.ts'
import type { Clock, Log } from '../../base/index.ts'
import type { Kind } from '../../schema/index.ts'
import type { Operations } from '../operations.ts'
import { noSuchPath } from '../registry/resources.ts'
import { AnswerContext, sendError } from './answer.ts'
import type { Exchange } from './exchange.ts'
import type { Inflight } from './inflight.ts'
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
  readonly metrics: ServerMetrics
  readonly serves: (kind: Kind) => boolean
  /** Paths that name no resource; false when the path leads nowhere. */
  nonResource(request: Request): boolean | Promise<boolean>
  proxy(request: Request): Promise<void>
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

/** From an exchange to its answer; it never throws. */
export function handle(exchange: Exchange, parts: HandlerParts): void {
  const context = new AnswerContext()
  const startedMs = parts.clock.monotonic()
  let info: RequestInfo | undefined
  let release: (() => void) | undefined
  const fail = (error: unknown) => {
    const apiError = error instanceof ApiError ? error : bug(error, exchange, parts.log)
    sendError(exchange, apiError, context)
    release?.()
    release = undefined
    parts.metrics.observe(info, exchange.method, apiError.code, parts.clock.monotonic() - startedMs)
  }
  const run = async () => {
    info = requestInfo(exchange.method, exchange.target)
    const user = await identify(exchange, parts)
    release = parts.inflight.enter(user, info)
    const allowed = parts.operations.authorize(user, info)
    if (allowed) await allowed
    const request: Request = { exchange, info, user, context, parts }
    if (!info.isResource) {
      if (!(await parts.nonResource(request))) throw noSuchPath()
    } else await resourceRequest(request, kindOf(info, parts))
    release?.()
    release = undefined
    parts.metrics.observe(info, exchange.method, 200, parts.clock.monotonic() - startedMs)
  }
  run().catch(fail)
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
