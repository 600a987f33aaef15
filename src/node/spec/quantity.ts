const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A quantity as a number: close enough for cgroup values; the API server has already checked the text. */
export function quantityNumber(text: string | number): number {
  const match = /^([+-]?[0-9.]+)(?:[eE]([+-]?[0-9]+)|([a-zA-Z]*))$/.exec(String(text))
  const factor = match
    ? match[2] === undefined
      ? SUFFIXES[match[3] ?? '']
      : 10 ** Number(match[2])
    : undefined
  if (!match || factor === undefined)
    throw new Error(
      `cannot read quantity "${text}": expected a number with an optional suffix such as m, Ki, Mi`,
    )
  return Number(match[1]) * factor
}
