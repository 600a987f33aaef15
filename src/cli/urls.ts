import type { Service } from '../api/index.ts'
import { type Clock, http, sleep } from '../base/index.ts'
import type { Layout } from '../cluster/index.ts'

export interface AnsweringUrl {
  readonly name: string
  readonly url: string
}

/** The URLs under which Services are served outside of the cluster, that really answer: each is asked, up to 5 s. */
export async function answeringUrls(
  layout: Layout,
  services: readonly Service[],
  clock: Clock,
): Promise<AnsweringUrl[]> {
  const found: AnsweringUrl[] = []
  for (const service of services) {
    for (const port of service.spec.ports ?? []) {
      if ((port.protocol ?? 'TCP') !== 'TCP') continue
      const balancers = (service.status.loadBalancer?.ingress ?? []).map(
        (i) => `http://${i.hostname ?? i.ip}:${port.port}/`,
      )
      const hosts = port.nodePort ? ['127.0.0.1', layout.nodes[0]!.ip] : []
      const candidates = [...balancers, ...hosts.map((host) => `http://${host}:${port.nodePort}/`)]
      if (candidates.length === 0) continue
      const url = await firstAnswering(candidates, clock)
      if (url) found.push({ name: service.metadata.name, url })
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
