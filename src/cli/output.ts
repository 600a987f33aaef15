/** Where a command writes. Progress goes to stderr, answers to stdout: a pipe gets answers only. */
export interface Terminal {
  readonly out: { write(text: string): unknown; readonly isTTY?: boolean }
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number }
}

export const processTerminal: Terminal = { out: process.stdout, err: process.stderr }

/** A step that takes a moment: `· starting containerd` while it lasts, `✓ containerd runs (0.3 s)` after it. */
export class Progress {
  readonly #terminal: Terminal
  readonly #now: () => number
  #current: { text: string; since: number } | undefined

  constructor(terminal: Terminal, now: () => number) {
    this.#terminal = terminal
    this.#now = now
  }

  begin(text: string): void {
    this.end()
    this.#current = { text, since: this.#now() }
    this.#show(`· ${text}`)
  }

  /** Replaces what the current step says, on a terminal; in a pipe only `end` prints. */
  update(text: string): void {
    if (this.#current?.text === text) return
    if (this.#current) this.#current.text = text
    else this.#current = { text, since: this.#now() }
    this.#show(`· ${text}`)
  }

  end(text?: string): void {
    if (!this.#current) return
    const { text: begun, since } = this.#current
    this.#current = undefined
    const seconds = (this.#now() - since) / 1000
    this.#clear()
    this.#terminal.err.write(`✓ ${text ?? begun}${seconds >= 0.05 ? ` (${seconds.toFixed(1)} s)` : ''}\n`)
  }

  fail(): void {
    if (!this.#current) return
    this.#clear()
    this.#terminal.err.write(`✗ ${this.#current.text}\n`)
    this.#current = undefined
  }

  /** A line of its own, above the current step. */
  note(text: string): void {
    this.#clear()
    this.#terminal.err.write(`${text}\n`)
    if (this.#current) this.#show(`· ${this.#current.text}`)
  }

  #show(line: string): void {
    if (!this.#terminal.err.isTTY) return
    this.#clear()
    this.#terminal.err.write(line.slice(0, (this.#terminal.err.columns ?? 80) - 1))
  }

  #clear(): void {
    if (this.#terminal.err.isTTY) this.#terminal.err.write('\r\x1b[K')
  }
}

/**
 * Columns padded to their widest cell, three spaces apart, as kubectl prints them. A table that goes on growing keeps
 * its `widths` from one call to the next.
 */
export function table(rows: readonly (readonly string[])[], widths: number[] = []): string {
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
        .join('   ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}
