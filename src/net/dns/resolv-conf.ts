import { isIP } from 'node:net'
import type { Upstream } from './transport.ts'

/** The resolvers that a resolv.conf names, except `ours`: asking ourselves would never end. */
export function parseResolvConf(text: string, ours: readonly string[]): Upstream[] {
  const found: Upstream[] = []
  for (const line of text.split('\n')) {
    const address = /^\s*nameserver\s+(\S+)/.exec(line)?.[1]
    if (!address || !isIP(address) || ours.includes(address)) continue
    if (!found.some((u) => u.address === address)) found.push({ address, port: 53 })
  }
  return found
}

/** A resolver that only listens on the loopback of the host does not exist for a node in a namespace of its own. */
export const isLoopback = ({ address }: Upstream) => address.startsWith('127.') || address === '::1'
