/** The least item first. Items can be removed from the middle: each is in at most one heap and knows its place. */
export interface HeapItem {
  heapIndex: number
}

export class Heap<T extends HeapItem> {
  readonly #items: T[] = []
  readonly #compare: (a: T, b: T) => number

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    item.heapIndex = this.#items.length
    this.#items.push(item)
    this.#up(item.heapIndex)
  }

  pop(): T | undefined {
    const first = this.#items[0]
    if (first) this.remove(first)
    return first
  }

  remove(item: T): void {
    const at = item.heapIndex
    if (this.#items[at] !== item) return
    const last = this.#items.pop()!
    item.heapIndex = -1
    if (last === item) return
    this.#place(last, at)
    this.#down(this.#up(at))
  }

  values(): readonly T[] {
    return this.#items
  }

  #up(from: number): number {
    let at = from
    const item = this.#items[at]!
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#compare(item, this.#items[parent]!) >= 0) break
      this.#place(this.#items[parent]!, at)
      at = parent
    }
    this.#place(item, at)
    return at
  }

  #down(from: number): void {
    let at = from
    const item = this.#items[at]!
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#items.length) break
      if (child + 1 < this.#items.length && this.#compare(this.#items[child + 1]!, this.#items[child]!) < 0)
        child++
      if (this.#compare(item, this.#items[child]!) <= 0) break
      this.#place(this.#items[child]!, at)
      at = child
    }
    this.#place(item, at)
  }

  #place(item: T, at: number): void {
    this.#items[at] = item
    item.heapIndex = at
  }
}
