import type { Kind, KubeObject } from '../schema/index.ts'
import { defineStrategy } from './define.strategy.ts'
import type { Strategy } from './strategy.ts'

const strategies = new Map<Kind, Strategy>()

/** The strategy of a kind: its own, or the one that follows from its declaration. */
export function strategyFor<T extends KubeObject>(kind: Kind<T>): Strategy<T> {
  let strategy = strategies.get(kind as unknown as Kind) as Strategy<T> | undefined
  if (!strategy) {
    strategy = defineStrategy(kind)
    strategies.set(kind as unknown as Kind, strategy as unknown as Strategy)
  }
  return strategy
}
