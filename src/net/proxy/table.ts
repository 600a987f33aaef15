/**
 * The nftables table of the proxy: what never changes with Services. All that does are elements of its maps, and the
 * small chains that choose among N endpoints. No packet mark is used, so those of others stay as they are. The number
 * that was drawn is kept in the packet's priority: of all that a map's key may contain, that matters least. It is only
 * set on the first packet of a connection, and forwarding sets it anew.
 */

/** Maps (and sets, which have no data) whose elements follow the Services. */
export const MAPS = {
  /** What happens to new connections. */
  services: 'map services { type ipv4_addr . inet_proto . inet_service : verdict; }',
  /** The endpoints of a frontend, numbered from 1 (see `slotKey`). */
  endpoints:
    'map endpoints { type ipv4_addr . inet_proto . inet_service . classid : ipv4_addr . inet_service; }',
  outside_services: 'map outside_services { type ipv4_addr . inet_proto . inet_service : verdict; }',
  outside_endpoints:
    'map outside_endpoints { type ipv4_addr . inet_proto . inet_service . classid : ipv4_addr . inet_service; }',
  /** Frontends with session affinity: for how long to remember. */
  sticky: 'map sticky { type ipv4_addr . inet_proto . inet_service : verdict; }',
  rejected: 'set rejected { type ipv4_addr . inet_proto . inet_service; }',
  masqueraded: 'set masqueraded { type ipv4_addr . inet_proto . inet_service; }',
  cluster_ips: 'set cluster_ips { type ipv4_addr; }',
  /** Pods of this node that may meet themselves: source and destination. */
  hairpins: 'set hairpins { type ipv4_addr . ipv4_addr; }',
  restricted: 'set restricted { type ipv4_addr . inet_proto . inet_service; }',
  /** Who may use a restricted frontend. */
  sources: 'set sources { type ipv4_addr . inet_proto . inet_service . ipv4_addr; flags interval; }',
} as const

export type MapName = keyof typeof MAPS
export const MAP_NAMES = Object.keys(MAPS) as MapName[]

/** Which client went where; filled by the kernel. */
const AFFINITY =
  'map affinity { type ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; size 262144; flags dynamic,timeout; timeout 3h; }'

const FRONTEND = 'ip daddr . meta l4proto . th dport'
const ORIGINAL = 'ct original ip daddr . meta l4proto . ct original proto-dst'
const PROTOCOLS = ['tcp', 'udp', 'sctp']

/** nft reads the original port of a connection only where the protocol is known. */
const forEachProtocol = (rule: (guard: string) => string) =>
  PROTOCOLS.map((protocol) => rule(`meta l4proto ${protocol}`))

export interface TableOptions {
  /** 1 to 60 letters, digits, `_` and `-`. */
  readonly table: string
  /** The pods' addresses: everybody else is a client from outside, unless it is this node. */
  readonly podCidr: string
  /** The addresses of Services: connections to those that no Service has lead nowhere, and do not leave the node. */
  readonly serviceCidr?: string
  /** Addresses that the node serves itself (the cluster DNS): never a Service's. */
  readonly reserved?: readonly string[]
  /** Who answers questions to `address` (UDP, port 53) while no process of this node does. */
  readonly dnsFallback?: DnsFallback | undefined
}

export interface DnsFallback {
  /** The cluster DNS' address, which this node serves itself. */
  readonly address: string
  readonly to: { readonly address: string; readonly port: number }
}

/** The chains, in an order in which each only refers to those before it. */
function chains({
  podCidr,
  serviceCidr,
  reserved = [],
  dnsFallback,
}: TableOptions): Record<string, readonly string[]> {
  const own = reserved.length > 0 ? `{ ${reserved.join(', ')} }` : ''
  // While the node's own server restarts, clients had better ask again than give up.
  const patience = own
    ? [`ct state related ct original ip daddr ${own} icmp type destination-unreachable drop`]
    : []
  return {
    ...(dnsFallback ? forgettingChains(dnsFallback) : {}),
    forward_new: [
      `${FRONTEND} @restricted ${FRONTEND} . ip saddr != @sources drop`,
      `${FRONTEND} vmap @services`,
    ],
    prerouting: [
      'type nat hook prerouting priority dstnat; policy accept;',
      ...(dnsFallback ? [fallbackRule(dnsFallback)] : []),
      `${FRONTEND} @restricted ${FRONTEND} . ip saddr != @sources drop`,
      `ip saddr != ${podCidr} fib saddr type != local ${FRONTEND} vmap @outside_services`,
      'jump forward_new',
    ],
    output: ['type nat hook output priority -100; policy accept;', 'jump forward_new'],
    refuse: [
      // Resets first: the kernel limits how often it sends ICMP.
      `meta l4proto tcp ${FRONTEND} @rejected reject with tcp reset`,
      'meta l4proto tcp ip daddr @cluster_ips reject with tcp reset',
      `${FRONTEND} @rejected reject`,
      'ip daddr @cluster_ips reject',
      // Not refused: the Service may be so new that its rules are still on their way.
      ...(serviceCidr ? [`ip daddr ${serviceCidr}${own && ` ip daddr != ${own}`} drop`] : []),
    ],
    refuse_input: ['type filter hook input priority filter; policy accept;', 'ct state new jump refuse'],
    refuse_forward: [
      'type filter hook forward priority filter; policy accept;',
      'ct state new jump refuse',
      ...patience,
    ],
    refuse_output: [
      'type filter hook output priority filter; policy accept;',
      'ct state new jump refuse',
      ...patience,
    ],
    remember: forEachProtocol((guard) => `${guard} ${ORIGINAL} vmap @sticky`),
    remember_forwarded: [
      'type filter hook postrouting priority srcnat - 5; policy accept;',
      'ct state new ct status dnat jump remember',
    ],
    remember_local: [
      'type filter hook input priority filter - 5; policy accept;',
      'ct state new ct status dnat jump remember',
    ],
    hide: [
      ...forEachProtocol((guard) => `${guard} ${ORIGINAL} @masqueraded masquerade fully-random`),
      `ip saddr != ${podCidr} ct original ip daddr @cluster_ips masquerade fully-random`,
      'ip saddr . ip daddr @hairpins masquerade fully-random',
    ],
    postrouting: ['type nat hook postrouting priority srcnat; policy accept;', 'ct status dnat jump hide'],
  }
}

/** Questions go elsewhere while no socket waits for them here. */
const fallbackRule = ({ address, to }: DnsFallback) =>
  `ip daddr ${address} udp dport 53 dnat to ${to.address}:${to.port}`

/**
 * Where a socket waits, question and answer are no connection to the kernel: it would remember who was asked, and send a
 * resolver that asks again to a process that is no more.
 */
const forgettingChains = ({ address }: DnsFallback) => ({
  forget_questions: [
    'type filter hook prerouting priority raw; policy accept;',
    `ip daddr ${address} udp dport 53 socket wildcard 0 notrack`,
  ],
  forget_answers: [
    'type filter hook output priority raw; policy accept;',
    `ip saddr ${address} udp sport 53 notrack`,
  ],
})

/** A table of that name that has nothing but what the fallback needs, for the kernel to judge. */
export function renderFallback(table: string, fallback: DnsFallback): string {
  const all = {
    ...forgettingChains(fallback),
    prerouting: ['type nat hook prerouting priority dstnat; policy accept;', fallbackRule(fallback)],
  }
  const body = Object.entries(all).map(([name, rules]) => `chain ${name} { ${rules.join('\n')}\n }`)
  return `table ip ${table} {\n${body.join('\n')}\n}\n`
}

/** An empty chain with this name tells that the table is what this version makes of these options. */
export function markerOf(options: TableOptions): string {
  const text = JSON.stringify([MAPS, AFFINITY, chains(options), chooserRules('all-pick-2')])
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < text.length; i++)
    hash = ((hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n) & 0xffffffffffffffffn
  return `version-${hash.toString(16)}`
}

/** The commands that put an empty table in place of whatever had its name. */
export function renderTable(options: TableOptions): string {
  const { table } = options
  const body = [
    ...Object.values(MAPS),
    AFFINITY,
    `chain ${markerOf(options)} { }`,
    ...Object.entries(chains(options)).map(
      ([name, rules]) => `chain ${name} {\n    ${rules.join('\n    ')}\n  }`,
    ),
  ]
  return `add table ip ${table}\ndelete table ip ${table}\ntable ip ${table} {\n  ${body.join('\n  ')}\n}\n`
}

/**
 * The chains that come and go: `all-pick-3` sends a connection to one of three endpoints, `all-sticky-3` to the
 * client's earlier one if it has one, `remember-60` keeps for 60 s where a client went.
 */
export function chooserRules(chain: string): readonly string[] {
  const [scope = '', what = '', count = ''] = chain.startsWith('remember-')
    ? ['', ...chain.split('-')]
    : chain.split('-')
  const map = scope === 'outside' ? 'outside_endpoints' : 'endpoints'
  const go = `dnat to ${FRONTEND} . meta priority map @${map}`
  const first = `meta priority set ${slotKey(0)}`
  switch (what) {
    case 'pick':
      // The number may be about to change: then the first endpoint serves, and at worst the client tries again.
      if (count === '1') return [first, go, 'drop']
      return [`meta priority set numgen random mod ${count} offset 1`, go, first, go, 'drop']
    case 'sticky':
      return [`dnat to ip saddr . ${FRONTEND} map @affinity`, `goto ${scope}-pick-${count}`]
    case 'remember':
      return forEachProtocol(
        (guard) =>
          `${guard} update @affinity { ip saddr . ${ORIGINAL} timeout ${count}s : ip daddr . th dport }`,
      )
    default:
      throw new Error(`cannot write chain "${chain}": expected pick, sticky or remember, got "${what}"`)
  }
}

/** The `slot`-th endpoint (from 0), as a number of the type that priorities have: `0:1`. */
export const slotKey = (slot: number) =>
  `${((slot + 1) >>> 16).toString(16)}:${((slot + 1) & 0xffff).toString(16)}`

export const isChooser = (chain: string) => /^((all|outside)-(pick|sticky)|remember)-\d+$/.test(chain)
