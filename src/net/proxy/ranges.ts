/** Is it an IPv4 address as nft reads it? Stricter than most: each part is a plain number up to 255. */
export function isIpv4(text: string): boolean {
  const octets = text.split('.')
  return octets.length === 4 && octets.every((o) => /^(0|[1-9]\d{0,2})$/.test(o) && Number(o) <= 255)
}

interface Range {
  readonly text: string
  readonly base: number
  readonly bits: number
}

function parse(cidr: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr)
  if (!match) return undefined
  const [a, b, c, d, bits] = match.slice(1).map(Number) as [number, number, number, number, number]
  if ([a, b, c, d].some((octet) => octet > 255) || bits > 32) return undefined
  const size = 2 ** (32 - bits)
  const base = Math.floor((((a * 256 + b) * 256 + c) * 256 + d) / size) * size
  const address = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join('.')
  return { text: bits === 32 ? address : `${address}/${bits}`, base, bits }
}

/**
 * The IPv4 ranges among `cidrs` that lie in no other, as nft prints them: it refuses ranges that overlap.
 * `['10.1.2.3/8', '10.5.0.0/16', 'fd00::/8']` gives `['10.0.0.0/8']`.
 */
export function keepWidest(cidrs: readonly string[]): string[] {
  const ranges = cidrs
    .map(parse)
    .filter((r) => r !== undefined)
    .sort((a, b) => a.bits - b.bits || a.base - b.base)
  const kept: Range[] = []
  for (const range of ranges) {
    const isInside = kept.some(
      (k) => Math.floor(range.base / 2 ** (32 - k.bits)) * 2 ** (32 - k.bits) === k.base,
    )
    if (!isInside) kept.push(range)
  }
  return kept.map((r) => r.text)
}
