import type { Taint, Toleration } from '../../api/index.ts'

/** Whether a toleration covers a taint. Source: API reference, Toleration; Lt and Gt by KEP-5471. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  const value = taint.value ?? ''
  switch (toleration.operator ?? 'Equal') {
    case 'Exists':
      return true
    case 'Equal':
      return (toleration.value ?? '') === value
    case 'Lt':
      return compare(value, toleration.value, (a, b) => a < b)
    case 'Gt':
      return compare(value, toleration.value, (a, b) => a > b)
    default:
      return false
  }
}

const INTEGER = /^(0|-?[1-9][0-9]{0,18})$/

function compare(
  taint: string,
  toleration: string | undefined,
  holds: (a: bigint, b: bigint) => boolean,
): boolean {
  if (!INTEGER.test(taint) || !INTEGER.test(toleration ?? '')) return false
  return holds(BigInt(taint), BigInt(toleration!))
}

/** The first taint that keeps a pod with these tolerations off the node. */
export function untoleratedTaint(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[],
): Taint | undefined {
  return taints?.find((t) => t.effect !== 'PreferNoSchedule' && !tolerations.some((x) => tolerates(x, t)))
}
