import type { Plugin, Verdict } from './framework.ts'

export interface Rejection {
  readonly plugin: string
  readonly reasons: readonly string[]
  readonly hopeless: boolean
}

/** Numbers for why nodes are rejected: equal reasons have equal numbers, from 1. */
export class Rejections {
  readonly #numbers = new Map<string, Verdict>()
  readonly #all: (Rejection | undefined)[] = [undefined]

  number(plugin: Plugin, reasons: readonly string[], hopeless = false): Verdict {
    const key = `${plugin.name}\n${hopeless}\n${reasons.join('\n')}`
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.#all.length
      this.#numbers.set(key, number)
      this.#all.push({ plugin: plugin.name, reasons, hopeless })
    }
    return number
  }

  get(verdict: Verdict): Rejection | undefined {
    return this.#all[verdict]
  }
}
