import type { Random } from '../../base/index.ts'

/** The addresses a CIDR gives to Services. */
export interface AddressRange {
  readonly cidr: string
  /** The first address, which the `kubernetes` Service has. */
  readonly first: string
  contains(ip: string): boolean
  /**
   * A free address at random: from the upper part first, so that addresses people ask for by number, which are low,
   * stay free. undefined when none is.
   */
  pick(random: Random, isFree: (ip: string) => boolean): string | undefined
}

export function isIPv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$)){4}$/.test(text) && !text.endsWith('.')
}

/** Throws for anything but an IPv4 CIDR of at least four addresses. Network and broadcast address are left out. */
export function addressRange(cidr: string): AddressRange {
  const [base = '', bits = ''] = cidr.split('/')
  const length = Number(bits)
  if (!isIPv4(base) || !/^\d+$/.test(bits) || length < 8 || length > 30) {
    throw new Error(
      `cannot use service CIDR ${JSON.stringify(cidr)}: expected an IPv4 range such as 10.96.0.0/16, from /8 to /30`,
    )
  }
  const size = 2 ** (32 - length)
  const network = Math.floor(numberOf(base) / size) * size
  const usable = size - 2
  const at = (offset: number) => textOf(network + 1 + offset)
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256)
  const split = reserved < usable ? reserved : 0
  return {
    cidr: `${textOf(network)}/${length}`,
    first: at(0),
    contains(ip) {
      const n = numberOf(ip)
      return n > network && n < network + size - 1
    },
    pick(random, isFree) {
      return scan(split, usable - split, random, at, isFree) ?? scan(0, split, random, at, isFree)
    },
  }
}

function scan(
  from: number,
  count: number,
  random: Random,
  at: (offset: number) => string,
  isFree: (ip: string) => boolean,
): string | undefined {
  const start = Math.floor(random.next() * count)
  for (let i = 0; i < count; i++) {
    const ip = at(from + ((start + i) % count))
    if (isFree(ip)) return ip
  }
  return undefined
}

function numberOf(ip: string): number {
  return ip.split('.').reduce((n, part) => n * 256 + Number(part), 0)
}

function textOf(n: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join('.')
}
