import { MetricStore } from '../../base/index.ts'
import type { Discovery, Document } from '../discovery.ts'
import type { OpenApi } from '../openapi.ts'
import { sendBytes, sendJson } from './answer.ts'
import type { Request } from './handler.ts'
import { type HealthCheck, healthRequest } from './health.ts'
import { negotiate } from './negotiate.ts'

export interface NonResourceParts {
  readonly discovery: Discovery
  readonly checks: readonly HealthCheck[]
  readonly version: object
  readonly openapi: OpenApi
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
      exchange.send(200, { 'content-type': MetricStore.contentType }, request.parts.metrics.store.text())
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
  if (path.startsWith('/openapi/')) return openApi(request, parts.openapi)
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

const V2_BINARY = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

async function openApi(request: Request, openapi: OpenApi): Promise<boolean> {
  const { exchange, info } = request
  if (info.path === '/openapi/v2') {
    const isBinary = exchange.header('accept')?.includes('proto-openapi.spec.v2') === true
    sendDocument(request, await openapi.v2(isBinary), isBinary ? V2_BINARY : 'application/json')
    return true
  }
  const match = /^\/openapi\/v3(?:\/(.*))?$/.exec(info.path)
  const document = match && (await openapi.v3(match[1] ?? ''))
  if (!document) return false
  // The address has the content's hash in it: what it leads to never changes.
  const isPinned = info.query.get('hash') === document.etag.slice(1, -1)
  sendDocument(
    request,
    document,
    'application/json',
    isPinned ? 'public, immutable, max-age=31536000' : undefined,
  )
  return true
}

/** 304 when the client has it already. */
function sendDocument(request: Request, document: Document, contentType: string, caching = 'public'): void {
  const { exchange } = request
  const headers = {
    'content-type': contentType,
    etag: document.etag,
    vary: 'Accept',
    'cache-control': caching,
  }
  const isKnown = exchange.header('if-none-match') === document.etag
  if (isKnown) exchange.send(304, headers, '')
  else sendBytes(exchange, 200, headers, document.body)
}

function rootPaths(parts: NonResourceParts): string[] {
  const versions = parts.discovery.groupVersionPaths().map((p) => `/${p}`)
  const groups = [
    ...new Set(versions.filter((p) => p.startsWith('/apis/')).map((p) => p.split('/').slice(0, 3).join('/'))),
  ]
  const checks = parts.checks.flatMap(({ name, readinessOnly }) =>
    (readinessOnly ? ['/readyz'] : ['/livez', '/readyz']).map((endpoint) => `${endpoint}/${name}`),
  )
  return [
    '/.well-known/openid-configuration',
    '/api',
    '/apis',
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/openid/v1/jwks',
    '/readyz',
    '/version',
    ...versions,
    ...groups,
    ...checks,
  ].sort()
}
