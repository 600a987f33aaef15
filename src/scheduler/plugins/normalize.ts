import { MAX_SCORE } from '../framework.ts'

/** Scales scores so that the largest becomes 100 (or, reversed, 0), in whole numbers. */
export function scaleToMax(scores: Float64Array, reverse: boolean): void {
  let max = 0
  for (let i = 0; i < scores.length; i++) if (scores[i]! > max) max = scores[i]!
  if (max === 0) {
    if (reverse) scores.fill(MAX_SCORE)
    return
  }
  for (let i = 0; i < scores.length; i++) {
    const scaled = Math.trunc((MAX_SCORE * scores[i]!) / max)
    scores[i] = reverse ? MAX_SCORE - scaled : scaled
  }
}
