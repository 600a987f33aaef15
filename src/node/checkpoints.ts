import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '../api/index.ts'
import type { Clock, Log } from '../base/index.ts'

const WRITE_AFTER_MS = 500

/**
 * The pods of this node on disk, as last seen, so that an agent that starts while the server cannot be reached still
 * knows what should run. Written a moment after a change, whole files at a time.
 */
export class Checkpoints {
  readonly #dir: string
  readonly #clock: Clock
  readonly #log: Log
  readonly #waiting = new Map<string, Pod>()
  #timer: (() => void) | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(dir: string, clock: Clock, log: Log) {
    this.#dir = dir
    this.#clock = clock
    this.#log = log
  }

  async load(): Promise<readonly Pod[]> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const pods: Pod[] = []
    for (const name of await readdir(this.#dir)) {
      const file = join(this.#dir, name)
      try {
        // What was being written when the agent or the machine died comes again from the server.
        const pod = name.endsWith('.json') ? asPod(JSON.parse(await readFile(file, 'utf8'))) : undefined
        if (pod) pods.push(pod)
        else await rm(file, { force: true, recursive: true })
      } catch (error) {
        this.#log.warn({ file: name, error: (error as Error).message }, 'cannot read a checkpoint; it goes')
        await rm(file, { force: true, recursive: true })
      }
    }
    return pods
  }

  save(pod: Pod): void {
    this.#waiting.set(pod.metadata.uid, pod)
    this.#timer ??= this.#clock.after(WRITE_AFTER_MS, () => {
      this.#timer = undefined
      this.#writing = this.#writing.then(() => this.#write())
    })
  }

  async remove(uid: string): Promise<void> {
    this.#waiting.delete(uid)
    await this.#writing
    await rm(join(this.#dir, `${uid}.json`), { force: true })
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    this.#timer?.()
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    await this.#writing
  }

  async #write(): Promise<void> {
    const pods = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const pod of pods) {
      const file = join(this.#dir, `${pod.metadata.uid}.json`)
      try {
        await writeFile(`${file}.new`, JSON.stringify(pod), { mode: 0o600 })
        await rename(`${file}.new`, file)
      } catch (error) {
        this.#log.warn(
          { pod: pod.metadata.name, error: (error as Error).message },
          'cannot write a checkpoint',
        )
      }
    }
  }
}

function asPod(content: unknown): Pod {
  const pod = content as Partial<Pod> | null
  if (typeof pod?.metadata?.uid !== 'string' || !pod.spec || !pod.status)
    throw new Error('cannot use a checkpoint: expected a pod')
  return pod as Pod
}
