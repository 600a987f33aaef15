import type { Pod } from '../../api/index.ts'
import type { PodShape } from './shape.ts'

/** A pod that waits for room on a node that others are leaving for it. */
export interface Nomination {
  readonly pod: Pod
  readonly shape: PodShape
  readonly node: string
}

/** Which pods have been promised which nodes: whoever is less important has to leave them the room. */
export class Nominations {
  readonly #onChange: () => void
  readonly #byPod = new Map<string, Nomination>()
  readonly #byNode = new Map<string, Map<string, Nomination>>()

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get size(): number {
    return this.#byPod.size
  }

  set(pod: Pod, shape: PodShape, node: string | undefined): void {
    const { uid } = pod.metadata
    const before = this.#byPod.get(uid)
    if (before?.node === node && before?.shape === shape) return
    this.delete(uid)
    if (!node) return
    this.#onChange()
    const nomination = { pod, shape, node }
    this.#byPod.set(uid, nomination)
    const onNode = this.#byNode.get(node) ?? new Map<string, Nomination>()
    this.#byNode.set(node, onNode.set(uid, nomination))
  }

  /** False when the pod was promised nothing. */
  delete(uid: string): boolean {
    const before = this.#byPod.get(uid)
    if (!before) return false
    this.#onChange()
    this.#byPod.delete(uid)
    const onNode = this.#byNode.get(before.node)
    if (onNode?.delete(uid) && onNode.size === 0) this.#byNode.delete(before.node)
    return true
  }

  nodeOf(uid: string): string | undefined {
    return this.#byPod.get(uid)?.node
  }

  on(node: string): readonly Nomination[] {
    return [...(this.#byNode.get(node)?.values() ?? [])]
  }

  nodes(): Iterable<string> {
    return this.#byNode.keys()
  }
}
