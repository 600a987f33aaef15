import type { Server } from 'node:http'
import { http, type Log } from '../../base/index.ts'

export interface HealthPort {
  readonly namespace: string
  readonly name: string
  readonly port: number
  /** Endpoints of the Service on this node: with none, load balancers leave this node out. */
  readonly localEndpoints: number
}

/** Answers load balancers on `healthCheckNodePort` of Services with externalTrafficPolicy Local. */
export class HealthPorts {
  readonly #servers = new Map<number, { readonly server: Server; state: HealthPort }>()
  readonly #addresses: readonly string[]
  readonly #isHealthy: () => boolean
  readonly #log: Log

  constructor(addresses: readonly string[], isHealthy: () => boolean, log: Log) {
    this.#addresses = addresses
    this.#isHealthy = isHealthy
    this.#log = log
  }

  /** Opens and closes ports so that these are served. */
  set(wanted: ReadonlyMap<number, HealthPort>): void {
    for (const [port, { server }] of this.#servers) {
      if (wanted.has(port)) continue
      server.close()
      server.closeAllConnections()
      this.#servers.delete(port)
    }
    for (const [port, state] of wanted) {
      const existing = this.#servers.get(port)
      if (existing) existing.state = state
      else this.#open(port, state)
    }
  }

  close(): void {
    this.set(new Map())
  }

  #open(port: number, state: HealthPort): void {
    const entry = { server: http.createServer(), state }
    entry.server.on('request', (_request, response) => {
      const { namespace, name, localEndpoints } = entry.state
      const isHealthy = this.#isHealthy()
      response.writeHead(localEndpoints > 0 && isHealthy ? 200 : 503, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(localEndpoints),
      })
      response.end(
        `${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: isHealthy })}\n`,
      )
    })
    entry.server.on('error', (error) => {
      this.#log.error(
        { port, service: `${state.namespace}/${state.name}`, err: error },
        'cannot serve health checks',
      )
      if (this.#servers.get(port) === entry) this.#servers.delete(port)
    })
    entry.server.maxConnections = 100
    entry.server.listen({ port, ...(this.#addresses.length === 1 ? { host: this.#addresses[0]! } : {}) })
    this.#servers.set(port, entry)
  }
}
