/**
 * The same text in one piece. What is put together with `+` or cut out with `slice` stays a tree of its parts, and at the
 * first such string JSON.stringify leaves its fast path: a pod then takes 10 µs longer.
 */
export function flat(text: string): string {
  return Buffer.from(text).toString()
}
