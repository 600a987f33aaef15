/**
 * Keys are compared by their UTF-8 bytes, as etcd and SQLite do. JavaScript compares UTF-16 units, which
 * differs only where surrogates meet U+E000 and above: so the first differing unit decides, with those swapped.
 */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return byteRank(x) - byteRank(y)
  }
  return a.length - b.length
}

function byteRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/** Whether `key` lies in [start, end); without an end, whether it is `start` itself. */
export function inRange(key: string, start: string, end: string | undefined): boolean {
  if (end === undefined) return key === start
  return compareKeys(key, start) >= 0 && compareKeys(key, end) < 0
}

/** The smallest key above `key`. It is only a bound: keys that are written hold no NUL. */
export function keyAfter(key: string): string {
  return `${key}\0`
}
