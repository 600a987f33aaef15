import { type Api, isApiError, Node } from '../../api/index.ts'
import { type Clock, type Log, pause, timestamp } from '../../base/index.ts'
import type { ObservedImage, Runtime } from '../runtime/runtime.ts'
import { pressureOf, readSignals } from './machine.ts'
import { type NodeFacts, type NodeHealth, newNode, nodeLabels, nodeStatus } from './node-object.ts'

const CHECK_MS = 10_000
/** While the node is not ready, what it waits for is looked at this often. */
const CHECK_NOT_READY_MS = 200
/** Without a change, the status is still told this often. */
const FULL_REPORT_MS = 5 * 60_000
const IMAGES_MS = 60_000
const MAX_RETRY_MS = 7_000
/** A runtime or an agent that restarts is back before this; until then the node goes on being ready. */
const PATIENCE_MS = 30_000

export interface RegistrationOptions {
  readonly api: Api
  readonly clock: Clock
  readonly log: Log
  readonly runtime: Runtime
  readonly rootDir: string
  readonly signal: AbortSignal
  readonly facts: () => Promise<NodeFacts>
  /** The agent has not looked at its pods yet. */
  readonly starting: () => boolean
  /** Further reasons why the node is not ready. */
  readonly problems: () => readonly string[]
  /** The node as the server has it, whenever it changed here. */
  readonly onNode: (node: Node) => void
  readonly onHealth: (health: NodeHealth) => void
}

/** Keeps the Node object: makes it, tells its health as soon as that changes, and now and then when it does not. */
export class Registration {
  readonly #options: RegistrationOptions
  #facts: NodeFacts | undefined
  #images: readonly ObservedImage[] = []
  #imagesAt = Number.NEGATIVE_INFINITY
  #last = ''
  #reportedAt = Number.NEGATIVE_INFINITY
  #ready = false
  #everReady = false
  #startedAt = 0
  #runtimeSeenAt = Number.NEGATIVE_INFINITY
  #poke: (() => void) | undefined

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  get ready(): boolean {
    return this.#ready
  }

  /** Looks again now: something that the status shows may have changed. */
  poke(): void {
    this.#poke?.()
  }

  /** Reports again now, though nothing has changed here: the object may be gone. */
  again(): void {
    this.#last = ''
    this.poke()
  }

  async run(): Promise<void> {
    const { clock, log, signal } = this.#options
    this.#startedAt = clock.monotonic()
    let delay = 200
    let complained = false
    while (!signal.aborted) {
      try {
        await this.#look()
        delay = 200
        complained = false
        await this.#pause(this.#ready ? CHECK_MS : CHECK_NOT_READY_MS)
      } catch (error) {
        if (signal.aborted) return
        if (!complained)
          log.warn({ error: (error as Error).message }, 'cannot tell the server about this node yet')
        complained = true
        await pause(clock, delay, signal)
        delay = Math.min(delay * 2, MAX_RETRY_MS)
      }
    }
  }

  async #look(): Promise<void> {
    const { clock, onHealth } = this.#options
    this.#facts ??= await this.#options.facts()
    const health = await this.#health()
    onHealth(health)
    const now = clock.monotonic()
    const shape = JSON.stringify([this.#facts, health])
    if (shape === this.#last && now - this.#reportedAt < FULL_REPORT_MS) return
    if (!(await this.#report(this.#facts, health))) return
    this.#ready = health.problems.length === 0
    this.#everReady ||= this.#ready
    this.#last = shape
    this.#reportedAt = now
  }

  async #report(facts: NodeFacts, health: NodeHealth): Promise<boolean> {
    const { api, clock, onNode, signal } = this.#options
    const key = { name: facts.name }
    const time = timestamp(clock.now())
    let node = await this.#found(facts.name)
    if (health.problems.length > 0 && node && this.#stillStarting(node)) return false
    node ??= await api.create<Node>(Node, newNode(facts, health, time), { signal })
    const labels = nodeLabels(facts)
    if (Object.entries(labels).some(([k, v]) => node?.metadata.labels?.[k] !== v)) {
      node = await api.patch(Node, key, { type: 'merge', body: { metadata: { labels } } }, { signal })
    }
    const status = nodeStatus(facts, health, node.status, time)
    node = await api.patch(
      Node,
      key,
      { type: 'merge', body: { metadata: { resourceVersion: node.metadata.resourceVersion }, status } },
      { subresource: 'status', signal },
    )
    onNode(node)
    return true
  }

  /** An agent that starts again says nothing bad before it has had a moment: its pods run, and are not to be given up. */
  #stillStarting(node: Node): boolean {
    const wasReady = node.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
    return !this.#everReady && wasReady && this.#options.clock.monotonic() - this.#startedAt < PATIENCE_MS
  }

  async #found(name: string): Promise<Node | undefined> {
    try {
      return await this.#options.api.get(Node, { name }, { signal: this.#options.signal })
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined
      throw error
    }
  }

  async #health(): Promise<NodeHealth> {
    const { runtime, rootDir, problems, clock } = this.#options
    const now = clock.monotonic()
    if (now - this.#imagesAt > IMAGES_MS) {
      this.#images = await runtime.images().catch(() => this.#images)
      this.#imagesAt = now
    }
    const runtimeProblems = await this.#runtimeProblems(now)
    const own = this.#options.starting() ? ['the agent has not looked at its pods yet'] : []
    return {
      problems: [...own, ...runtimeProblems, ...problems()],
      pressure: pressureOf(await readSignals(rootDir)),
      images: this.#images,
    }
  }

  async #runtimeProblems(now: number): Promise<readonly string[]> {
    try {
      const found = await this.#options.runtime.problems()
      this.#runtimeSeenAt = now
      return found
    } catch (error) {
      if (now - this.#runtimeSeenAt < PATIENCE_MS) return []
      return [`container runtime is down: ${(error as Error).message}`]
    }
  }

  #pause(ms: number): Promise<void> {
    const { clock, signal } = this.#options
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        signal.removeEventListener('abort', done)
        this.#poke = undefined
        resolve()
      }
      const cancel = clock.after(ms, done)
      signal.addEventListener('abort', done, { once: true })
      this.#poke = done
    })
  }
}
