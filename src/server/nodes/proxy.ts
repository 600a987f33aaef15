import { Agent as HttpsAgent } from 'node:https'
import { ApiError, badRequest, EndpointSlice, Node, Pod, Service } from '../../api/index.ts'
import { type Clock, http, type Log, type Random } from '../../base/index.ts'
import type { NodeProxy, ObjectReader, ProxyRequest } from '../contracts.ts'
import { execQuery, flag, logQuery, portForwardQuery } from './stream-options.ts'
import {
  containerOf,
  type HttpTarget,
  nodeAddress,
  parseProxyName,
  podNamed,
  podTarget,
  serviceTarget,
} from './targets.ts'
import { forwardPlain, forwardUpgrade, type Upstream } from './transport.ts'

interface ClientCertificate {
  readonly cert: string
  readonly key: string
}

export interface NodeProxyOptions {
  readonly objects: ObjectReader
  readonly clock: Clock
  readonly random: Pick<Random, 'next'>
  readonly log: Log
  /** What the server shows to node agents (PEM); asked for every request, so that it may be renewed. */
  readonly client: () => ClientCertificate
  /** Who signs node agents' serving certificates (PEM). */
  readonly authority: string
}

/** The road from the server to the nodes: logs and streams of containers, and HTTP to nodes, pods and services. */
export async function createNodeProxy(options: NodeProxyOptions): Promise<NodeProxy & { close(): void }> {
  await options.objects.ready(Node, Pod, Service, EndpointSlice)
  const agents = new Agents(options)
  return {
    async handle(request) {
      const { upstream, errorsAsStatus, location } = route(request, options, agents)
      if (upstream === undefined) return emptyLog(request)
      const forward = {
        clock: options.clock,
        signal: request.signal,
        errorsAsStatus,
        ...(location ? { location } : {}),
      }
      options.log.debug({ path: request.attributes.path, to: upstream.what }, 'proxying')
      if (request.connection.type === 'plain') return forwardPlain(upstream, request.connection, forward)
      return forwardUpgrade({ ...upstream, agent: undefined }, request.connection, forward)
    },
    close() {
      agents.close()
    },
  }
}

/** Connections that wait for use, by whom they lead to. */
class Agents {
  readonly http = new http.Agent({ keepAlive: true, maxFreeSockets: 16 })
  readonly https = new HttpsAgent({ keepAlive: true, maxFreeSockets: 16, rejectUnauthorized: false })
  readonly #options: NodeProxyOptions
  #kubelet: { readonly agent: HttpsAgent; readonly client: ClientCertificate } | undefined

  constructor(options: NodeProxyOptions) {
    this.#options = options
  }

  get tls(): ClientCertificate & { readonly ca: string } {
    return { ca: this.#options.authority, ...this.#options.client() }
  }

  /** After the certificate was renewed, new connections show the new one; running requests keep theirs. */
  get kubelet(): HttpsAgent {
    const client = this.#options.client()
    if (this.#kubelet?.client.cert === client.cert) return this.#kubelet.agent
    const agent = new HttpsAgent({ ...this.tls, keepAlive: true, maxFreeSockets: 16 })
    this.#kubelet = { agent, client }
    return agent
  }

  close(): void {
    for (const agent of [this.#kubelet?.agent, this.http, this.https]) agent?.destroy()
  }
}

interface Route {
  /** undefined: there is nobody to ask yet, and the answer is empty. */
  readonly upstream: Upstream | undefined
  readonly errorsAsStatus: boolean
  readonly location?: (location: string) => string
}

function route(request: ProxyRequest, options: NodeProxyOptions, agents: Agents): Route {
  const { objects } = options
  const { resource, subresource, namespace, name } = request.attributes
  switch (`${resource}/${subresource}`) {
    case 'pods/log':
      return podLog(request, options, agents)
    case 'pods/exec':
    case 'pods/attach':
    case 'pods/portforward':
      return podStream(request, options, agents)
    case 'pods/proxy':
      return toHttp(request, podTarget(objects, namespace, name), agents)
    case 'services/proxy':
      return toHttp(request, serviceTarget(objects, namespace, name, options.random.next()), agents)
    case 'nodes/proxy':
      return toNode(request, options, agents)
    default:
      throw badRequest(`cannot proxy ${resource}/${subresource}: expected a log, a stream or a proxy`)
  }
}

function podLog(request: ProxyRequest, options: NodeProxyOptions, agents: Agents): Route {
  const { namespace, name } = request.attributes
  if (request.connection.type !== 'plain') throw badRequest('cannot read a log over an upgraded connection')
  const query = logQuery(request.query)
  const pod = podNamed(options.objects, namespace, name)
  const container = containerOf(pod, request.query.get('container') ?? '')
  // Before it is placed a pod has written nothing.
  if (!pod.spec.nodeName) return { upstream: undefined, errorsAsStatus: true }
  const path = `/containerLogs/${segment(namespace)}/${segment(name)}/${segment(container)}`
  const upstream = kubelet(request, options, agents, pod.spec.nodeName, path, query)
  if (!flag(request.query, 'insecureSkipTLSVerifyBackend')) return { upstream, errorsAsStatus: true }
  return {
    upstream: {
      ...upstream,
      agent: undefined,
      tls: { ...agents.tls, rejectUnauthorized: false },
    },
    errorsAsStatus: true,
  }
}

function podStream(request: ProxyRequest, options: NodeProxyOptions, agents: Agents): Route {
  const { namespace, name, subresource } = request.attributes
  const pod = podNamed(options.objects, namespace, name)
  const { phase } = pod.status ?? {}
  if (!pod.spec.nodeName) throw badRequest(`pod ${name} does not have a host assigned`)
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw badRequest(`cannot ${subresource} into a container in a completed pod; current phase is ${phase}`)
  }
  const where = `${segment(namespace)}/${segment(name)}`
  let path = `/portForward/${where}`
  let query: URLSearchParams
  if (subresource === 'portforward') query = portForwardQuery(request.query)
  else {
    query = execQuery(request.query, subresource as 'exec' | 'attach')
    path = `/${subresource}/${where}/${segment(containerOf(pod, request.query.get('container') ?? ''))}`
  }
  if (request.connection.type === 'plain') {
    throw badRequest(
      `cannot ${subresource}: expected a request to upgrade the connection (Upgrade: SPDY/3.1 or websocket, over HTTP/1.1)`,
    )
  }
  return { upstream: kubelet(request, options, agents, pod.spec.nodeName, path, query), errorsAsStatus: true }
}

/** A request to a node's agent, as the API server. */
function kubelet(
  request: ProxyRequest,
  options: NodeProxyOptions,
  agents: Agents,
  nodeName: string,
  path: string,
  query: URLSearchParams,
): Upstream {
  const { node, host, port } = nodeAddress(options.objects, nodeName)
  const search = query.toString()
  return {
    scheme: 'https',
    host,
    port,
    method: request.method,
    path: search === '' ? path : `${path}?${search}`,
    headers: request.headers,
    what: `node "${node}" at ${host}:${port}`,
    hint: `check that its agent runs (dhow status) and that port ${port} is open between the machines`,
    agent: agents.kubelet,
    tls: agents.tls,
  }
}

/** nodes/NAME/proxy is the agent's own API; with another port, or http:, whatever listens there. */
function toNode(request: ProxyRequest, options: NodeProxyOptions, agents: Agents): Route {
  const id = parseProxyName(request.attributes.name, 'nodes')
  const address = nodeAddress(options.objects, id.name)
  const path = request.proxyPath || '/'
  if (id.scheme !== 'http' && (id.port === '' || Number(id.port) === address.port)) {
    const upstream = kubelet(request, options, agents, id.name, path, request.query)
    return { upstream, errorsAsStatus: false, location: relocate(request) }
  }
  const port = id.port === '' ? address.port : Number(id.port)
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw badRequest(
      `cannot proxy to node "${id.name}": expected a port number, got ${JSON.stringify(id.port)}`,
    )
  return toHttp(
    request,
    { scheme: id.scheme || 'http', host: address.host, port, what: `node "${id.name}"` },
    agents,
  )
}

function toHttp(request: ProxyRequest, target: HttpTarget, agents: Agents): Route {
  const search = request.query.toString()
  const path = request.proxyPath || '/'
  const { scheme, host, port, what } = target
  const upstream: Upstream = {
    scheme,
    host,
    port,
    method: request.method,
    path: search === '' ? path : `${path}?${search}`,
    headers: { ...request.headers, 'x-forwarded-uri': request.attributes.path },
    what: `${what} at ${host}:${port}`,
    hint: 'check that it listens on that port and that the server reaches the pod network',
    agent: scheme === 'http' ? agents.http : agents.https,
    // As Kubernetes: whoever may proxy to a pod may also see what its self-signed certificate hides.
    ...(scheme === 'https' ? { tls: { rejectUnauthorized: false } } : {}),
  }
  return { upstream, errorsAsStatus: false, location: relocate(request) }
}

/** A redirect to a path of the proxied server has to lead through the proxy again. */
function relocate(request: ProxyRequest): (location: string) => string {
  const { path } = request.attributes
  const base =
    request.proxyPath !== '' && path.endsWith(request.proxyPath)
      ? path.slice(0, -request.proxyPath.length)
      : path
  return (location) =>
    location.startsWith('/') && !location.startsWith('//')
      ? `${base.replace(/\/$/, '')}${location}`
      : location
}

function emptyLog(request: ProxyRequest): void {
  if (request.connection.type !== 'plain')
    throw new ApiError('BadRequest', 'cannot read a log over an upgraded connection')
  request.connection.respond(200, { 'content-type': 'text/plain' }).end()
}

const segment = encodeURIComponent
