import ipaddr from 'ipaddr.js'
import { invalid, type Problems } from './report.validate.ts'

export type Family = 'IPv4' | 'IPv6'

/** The family of an IP address in its usual text form; undefined when it is none. */
export function ipFamily(text: string): Family | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return 'IPv4'
  return text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text) ? 'IPv6' : undefined
}

export function cidrFamily(text: string): Family | undefined {
  const slash = text.indexOf('/')
  const family = slash < 0 ? undefined : ipFamily(text.slice(0, slash))
  if (!family) return undefined
  const bits = text.slice(slash + 1)
  return /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (family === 'IPv4' ? 32 : 128)
    ? family
    : undefined
}

/** Whether `inner` is a smaller network inside `outer`; both must be valid. */
export function isStrictSubnet(outer: string, inner: string): boolean {
  if (cidrFamily(outer) !== cidrFamily(inner)) return false
  const [base, bits] = ipaddr.parseCIDR(outer)
  const [address, innerBits] = ipaddr.parseCIDR(inner)
  return innerBits > bits && address.kind() === base.kind() && address.match(base as never, bits)
}

export function validateIp(out: Problems, field: string, value: string): boolean {
  if (ipFamily(value)) return true
  invalid(out, field, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')
  return false
}

export function validateCidr(out: Problems, field: string, value: string): boolean {
  if (cidrFamily(value)) return true
  invalid(out, field, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')
  return false
}

const SPECIAL: Readonly<Record<string, string>> = {
  loopback: 'may not be in the loopback range (127.0.0.0/8, ::1/128)',
  linkLocal: 'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
}

/** Addresses that mean something else on every node cannot be endpoints. */
export function validateNonSpecialIp(out: Problems, field: string, value: string): void {
  if (!ipFamily(value)) {
    invalid(out, field, value, 'must be a valid IP address')
    return
  }
  const ip = ipaddr.process(value)
  const range = ip.range()
  if (range === 'unspecified') invalid(out, field, value, `may not be unspecified (${value})`)
  const words = SPECIAL[range]
  if (words) invalid(out, field, value, words)
  if (value.startsWith('224.0.0.') || /^ff02:/i.test(ip.toString())) {
    invalid(out, field, value, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')
  }
}
