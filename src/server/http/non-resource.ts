import type { Discovery, Document } from '../discovery.ts'
import { sendJson } from './answer.ts'
import type { Request } from './handler.ts'
import { type HealthCheck, healthRequest } from './health.ts'
import { negotiate } from './negotiate.ts'

export interface NonResourceParts {
  readonly discovery: Discovery
  readonly checks: readonly HealthCheck[]
  readonly version: object
}

/** Health, metrics, version, discovery, OpenAPI, the token issuer's documents. False: no such path. */
export async function nonResourceRequest(request: Request, parts: NonResourceParts): Promise<boolean> {
  const { exchange, info } = request
  if (info.verb !== 'get' && info.verb !== 'head') return false
  const { path } = info
  const { tokens } = request.parts.operations.security
  switch (path) {
    case '/version':
    case '/version/':
      sendJson(exchange, 200, parts.version)
      return true
    case '/metrics':
      exchange.send(
        200,
        { 'content-type': request.parts.metrics.registry.contentType },
        await request.parts.metrics.registry.metrics(),
      )
      return true
    case '/.well-known/openid-configuration':
      exchange.send(200, { 'content-type': 'application/json' }, tokens.openidConfiguration())
      return true
    case '/openid/v1/jwks':
      exchange.send(200, { 'content-type': 'application/jwk-set+json' }, tokens.jwks())
      return true
    case '/':
      sendJson(exchange, 200, { paths: rootPaths(parts) })
      return true
  }
  if (/^\/(livez|readyz|healthz)(\/|$)/.test(path)) return healthRequest(request, parts.checks)
  if (path === '/api' || path === '/apis' || path.startsWith('/api/') || path.startsWith('/apis/'))
    return discover(request, parts.discovery)
  return false
}

function discover(request: Request, discovery: Discovery): boolean {
  const { exchange, info } = request
  const root = info.path === '/api' || info.path === '/apis'
  const { as } = negotiate(
    exchange.header('accept'),
    (r) => (r.as === 'object' && r.media === 'json') || (root && r.as === 'discovery' && r.media === 'json'),
  )
  const document = discovery.document(info.path, as === 'discovery')
  if (!document) return false
  const contentType =
    as === 'discovery'
      ? 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
      : 'application/json'
  sendDocument(request, document, contentType)
  return true
}

/** 304 when the client has it already. */
export function sendDocument(request: Request, document: Document, contentType: string): void {
  const { exchange } = request
  const headers = {
    'content-type': contentType,
    etag: document.etag,
    vary: 'Accept',
    'cache-control': 'public',
  }
  const isKnown = exchange.header('if-none-match') === document.etag
  exchange.send(isKnown ? 304 : 200, headers, isKnown ? '' : document.body)
}

function rootPaths(parts: NonResourceParts): string[] {
  const versions = parts.discovery.groupVersionPaths().map((p) => `/${p}`)
  const groups = [
    ...new Set(versions.filter((p) => p.startsWith('/apis/')).map((p) => p.split('/').slice(0, 3).join('/'))),
  ]
  const checks = parts.checks.flatMap((c) => ['/livez', '/readyz'].map((e) => `${e}/${c.name}`))
  return [
    '/.well-known/openid-configuration',
    '/api',
    '/apis',
    '/healthz',
    '/livez',
    '/metrics',
    '/openid/v1/jwks',
    '/readyz',
    '/version',
    ...versions,
    ...groups,
    ...checks,
  ].sort()
}
