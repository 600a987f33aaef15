import type { Service } from '../api/index.ts'
import { type Clock, http, sleep } from '../base/index.ts'
import type { Layout } from '../cluster/index.ts'

/** A port of a Service that is served outside of the cluster. */
export interface Served {
  readonly service: Service
  /** Where it answered over HTTP; undefined: nowhere. */
  readonly url: string | undefined
  readonly asked: readonly string[]
}

/** Where Services are served outside of the cluster, and whether they really answer there: each is asked, up to 5 s. */
export async function servedOutside(
  layout: Layout,
  services: readonly Service[],
  clock: Clock,
): Promise<Served[]> {
  const found: Served[] = []
  for (const service of services) {
    for (const port of service.spec.ports ?? []) {
      if ((port.protocol ?? 'TCP') !== 'TCP') continue
      const balancers = (service.status.loadBalancer?.ingress ?? []).map(
        (i) => `http://${i.hostname ?? i.ip}:${port.port}/`,
      )
      const hosts = port.nodePort ? ['127.0.0.1', layout.nodes[0]!.ip] : []
      const asked = [...balancers, ...hosts.map((host) => `http://${host}:${port.nodePort}/`)]
      if (asked.length > 0) found.push({ service, asked, url: await firstAnswering(asked, clock) })
    }
  }
  return found
}

async function firstAnswering(urls: readonly string[], clock: Clock): Promise<string | undefined> {
  const deadline = clock.monotonic() + 5_000
  for (;;) {
    const answers = await Promise.all(urls.map((url) => answersHttp(url)))
    const at = answers.indexOf(true)
    if (at >= 0) return urls[at]
    if (clock.monotonic() > deadline) return undefined
    await sleep(clock, 200)
  }
}

/** Whether anything speaks HTTP there, whatever its answer's status. */
function answersHttp(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(url, { timeout: 1_000, agent: false }, (response) => {
      response.resume()
      resolve(true)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}
