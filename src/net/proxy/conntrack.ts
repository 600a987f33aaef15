import type { Command } from '../command.ts'
import type { Frontend } from './frontends.ts'

/** A UDP flow that the kernel tracks: what the client sent to, and who answers. */
export interface Flow {
  readonly source: string
  readonly sourcePort: string
  /** `10.96.0.10 . udp . 53` */
  readonly frontend: string
  /** `10.244.0.3 . 53`: who answers. */
  readonly target: string
}

/** Lines as `conntrack -L -p udp` prints them; what is not understood is left out. */
export function parseFlows(text: string): Flow[] {
  const flows: Flow[] = []
  for (const line of text.split('\n')) {
    const found = [...line.matchAll(/\b(src|dst|sport|dport)=(\S+)/g)].map((m) => m[2]!)
    if (!line.startsWith('udp') || found.length !== 8) continue
    const [source, destination, sourcePort, port, answers, , answersFrom] = found as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    flows.push({
      source,
      sourcePort,
      frontend: `${destination} . udp . ${port}`,
      target: `${answers} . ${answersFrom}`,
    })
  }
  return flows
}

/**
 * The flows that lead nowhere: a client that goes on sending from one port would never reach an endpoint again.
 * `gone` are frontends that are no more.
 */
export function staleFlows(
  flows: readonly Flow[],
  frontendsAt: (key: string) => readonly Frontend[],
  gone: ReadonlySet<string>,
): Flow[] {
  return flows.filter(({ frontend, target }) => {
    const frontends = frontendsAt(frontend)
    const [address, , port] = frontend.split(' . ')
    const isTranslated = target !== `${address} . ${port}`
    if (frontends.length === 0) return gone.has(frontend) && isTranslated
    const targets = frontends.flatMap(({ action }) => (action.do === 'forward' ? action.targets : []))
    return isTranslated ? !targets.includes(target) : targets.length > 0
  })
}

const DELETES_AT_ONCE = 8

/** Makes the kernel forget what `staleFlows` finds. */
export async function forgetStaleFlows(
  run: Command,
  frontendsAt: (key: string) => readonly Frontend[],
  gone: ReadonlySet<string>,
): Promise<number> {
  const flows = parseFlows(await run('conntrack', ['-L', '-p', 'udp', '-f', 'ipv4']))
  const stale = staleFlows(flows, frontendsAt, gone)
  for (let i = 0; i < stale.length; i += DELETES_AT_ONCE) {
    await Promise.all(stale.slice(i, i + DELETES_AT_ONCE).map((flow) => forget(run, flow)))
  }
  return stale.length
}

async function forget(run: Command, flow: Flow): Promise<void> {
  const [address = '', , port = ''] = flow.frontend.split(' . ')
  const from = ['--orig-src', flow.source, '--orig-port-src', flow.sourcePort]
  const to = ['--orig-dst', address, '--orig-port-dst', port]
  // It may have ended by itself meanwhile: conntrack then deletes nothing and exits with 1.
  await run('conntrack', ['-D', '-f', 'ipv4', '-p', 'udp', ...from, ...to]).catch(() => {})
}
