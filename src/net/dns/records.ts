/** Numbers of the record types that the cluster's own zone has or that get special treatment. */
export const TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const
export const CLASS_IN = 1
export const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const
export type Rcode = keyof typeof RCODES

/** A resource record. Names end without a dot; `ttl` is in seconds. */
export type DnsRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'PTR' | 'NS'; readonly target: string }
  | {
      readonly type: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }
  | { readonly type: 'TXT'; readonly text: string }
  | { readonly type: 'SOA'; readonly primary: string; readonly contact: string; readonly negativeTtl: number }
)

export interface DnsAnswer {
  readonly rcode: Rcode
  readonly answers: readonly DnsRecord[]
  readonly authority: readonly DnsRecord[]
  readonly additional: readonly DnsRecord[]
}

const TYPE_NAMES = new Map<number, string>([
  ...Object.entries(TYPES).map(([name, number]) => [number, name] as const),
  [15, 'MX'],
  [35, 'NAPTR'],
  [43, 'DS'],
  [48, 'DNSKEY'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
])

/** For metrics: a bounded set of names. */
export const typeName = (type: number) => TYPE_NAMES.get(type) ?? 'other'
