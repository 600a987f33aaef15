import type { Clock } from '../../base/index.ts'
import type { ContainerConfig, PodSandboxConfig } from '../cri/index.ts'
import { POD_NAME, POD_NAMESPACE, POD_UID } from '../spec/labels.ts'
import {
  emptyPod,
  newestFirst,
  type ObservedContainer,
  type ObservedImage,
  type ObservedPod,
  type ObservedSandbox,
  type Runtime,
} from './runtime.ts'

/** How the processes of a simulated container behave. */
export interface Behaviour {
  /** Ends by itself after so long; undefined: runs until it is stopped. */
  readonly exitAfterMs?: number
  readonly exitCode?: number
  /** How long it takes to end when told to; longer than the grace period: it is killed. */
  readonly stopAfterMs?: number
  readonly startError?: string
}

export interface FakeRuntimeOptions {
  readonly clock: Clock
  /** Images that can be pulled, or are there already. */
  readonly images?: readonly string[]
  readonly pullable?: (image: string) => boolean
  readonly behave?: (config: ContainerConfig) => Behaviour
  /** Time that making a sandbox and starting a container take. */
  readonly latencyMs?: number
}

interface FakeSandbox extends ObservedSandbox {
  readonly labels: Readonly<Record<string, string>>
}

const KILLED = 137
const TERMINATED = 143

/** A container runtime that only pretends: for tests, and for nodes of which there are to be thousands. */
export class FakeRuntime implements Runtime {
  readonly #options: FakeRuntimeOptions
  readonly #sandboxes = new Map<string, FakeSandbox>()
  readonly #containers = new Map<string, ObservedContainer>()
  readonly #images = new Map<string, ObservedImage>()
  readonly #behaviours = new Map<string, Behaviour>()
  readonly #ended = new Map<string, (() => void)[]>()
  readonly #listeners = new Set<(uid: string) => void>()
  #serial = 0
  #address = 0

  constructor(options: FakeRuntimeOptions) {
    this.#options = options
    for (const name of options.images ?? []) this.#addImage(name)
  }

  #id(): string {
    return (++this.#serial).toString(16).padStart(64, '0')
  }

  #addImage(name: string): ObservedImage {
    const image = {
      id: `sha256:${name}`,
      tags: [name],
      digests: [],
      sizeBytes: 1_000_000,
      uid: undefined,
      username: '',
      pinned: false,
    }
    this.#images.set(name, image)
    return image
  }

  #latency(): Promise<void> {
    const ms = this.#options.latencyMs ?? 0
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#options.clock.after(ms, resolve))
  }

  #changed(uid: string): void {
    for (const fn of this.#listeners) fn(uid)
  }

  async observe(): Promise<ReadonlyMap<string, ObservedPod>> {
    const uids = new Set([...this.#sandboxes.values()].map((s) => s.labels[POD_UID] ?? ''))
    return new Map([...uids].map((uid) => [uid, this.#pod(uid)]))
  }

  observePod(uid: string): Promise<ObservedPod> {
    return Promise.resolve(this.#pod(uid))
  }

  #pod(uid: string): ObservedPod {
    const sandboxes = [...this.#sandboxes.values()].filter((s) => s.labels[POD_UID] === uid)
    if (sandboxes.length === 0) return emptyPod(uid)
    const containers = [...this.#containers.values()].filter((c) => c.labels[POD_UID] === uid)
    const { labels } = sandboxes[0]!
    return {
      uid,
      name: labels[POD_NAME] ?? '',
      namespace: labels[POD_NAMESPACE] ?? '',
      sandboxes: newestFirst(sandboxes).map(({ labels: _, ...s }) => s),
      containers: newestFirst(containers),
    }
  }

  async *changes(signal: AbortSignal): AsyncGenerator<string | undefined> {
    const waiting: string[] = []
    let wake: (() => void) | undefined
    const hear = (uid: string) => {
      waiting.push(uid)
      wake?.()
    }
    this.#listeners.add(hear)
    signal.addEventListener('abort', () => wake?.(), { once: true })
    try {
      while (!signal.aborted) {
        while (waiting.length > 0) yield waiting.shift()
        if (signal.aborted) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      this.#listeners.delete(hear)
    }
  }

  async runSandbox(config: PodSandboxConfig): Promise<string> {
    await this.#latency()
    const id = this.#id()
    const onHost = config.linux?.securityContext?.namespaceOptions?.network === 2
    const n = this.#address++
    const ips = onHost ? [] : [`10.244.${Math.floor(n / 250) % 250}.${(n % 250) + 2}`]
    this.#sandboxes.set(id, {
      id,
      attempt: config.metadata?.attempt ?? 0,
      ready: true,
      createdAt: this.#options.clock.now(),
      ips,
      labels: config.labels ?? {},
    })
    this.#changed(config.labels?.[POD_UID] ?? '')
    return id
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id)
    if (!sandbox) return
    for (const c of this.#containers.values()) if (c.sandboxId === id) this.#end(c.id, KILLED)
    this.#sandboxes.set(id, { ...sandbox, ready: false, ips: [] })
    this.#changed(sandbox.labels[POD_UID] ?? '')
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id)
    for (const c of this.#containers.values()) if (c.sandboxId === id) this.#containers.delete(c.id)
    this.#sandboxes.delete(id)
  }

  async create(sandboxId: string, config: ContainerConfig): Promise<string> {
    await this.#latency()
    if (!this.#sandboxes.get(sandboxId)?.ready)
      throw new Error(`cannot create a container: sandbox ${sandboxId} is not ready`)
    const name = config.metadata?.name ?? ''
    const attempt = config.metadata?.attempt ?? 0
    for (const c of this.#containers.values()) {
      if (c.sandboxId === sandboxId && c.name === name && c.attempt === attempt)
        throw new Error(`cannot create container ${name}: attempt ${attempt} exists`)
    }
    const id = this.#id()
    const image = config.image?.image ?? ''
    this.#behaviours.set(id, this.#options.behave?.(config) ?? {})
    this.#containers.set(id, {
      id,
      sandboxId,
      name,
      attempt,
      state: 'created',
      createdAt: this.#options.clock.now(),
      startedAt: undefined,
      finishedAt: undefined,
      exitCode: 0,
      reason: '',
      message: '',
      image,
      imageRef: image,
      imageId: image,
      labels: config.labels ?? {},
      annotations: config.annotations ?? {},
      logPath: config.logPath ?? '',
    })
    return id
  }

  async start(id: string): Promise<void> {
    await this.#latency()
    const c = this.#containers.get(id)
    if (c?.state !== 'created')
      throw new Error(`cannot start container ${id}: expected it to be created, got ${c?.state ?? 'nothing'}`)
    const { startError, exitAfterMs, exitCode } = this.#behaviours.get(id) ?? {}
    const startedAt = this.#options.clock.now()
    if (startError) {
      this.#containers.set(id, {
        ...c,
        state: 'exited',
        startedAt,
        finishedAt: startedAt,
        exitCode: 128,
        reason: 'StartError',
        message: startError,
      })
      throw new Error(startError)
    }
    this.#containers.set(id, { ...c, state: 'running', startedAt })
    this.#changed(c.labels[POD_UID] ?? '')
    if (exitAfterMs !== undefined) this.#options.clock.after(exitAfterMs, () => this.#end(id, exitCode ?? 0))
  }

  /** Ends a container as if its process had. */
  exit(id: string, exitCode: number): void {
    this.#end(id, exitCode)
  }

  #end(id: string, exitCode: number): void {
    const c = this.#containers.get(id)
    if (!c || c.state === 'exited') return
    const now = this.#options.clock.now()
    this.#containers.set(id, {
      ...c,
      state: 'exited',
      startedAt: c.startedAt ?? now,
      finishedAt: now,
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
    })
    for (const fn of this.#ended.get(id) ?? []) fn()
    this.#ended.delete(id)
    this.#changed(c.labels[POD_UID] ?? '')
  }

  async stop(id: string, graceSeconds: number): Promise<void> {
    const c = this.#containers.get(id)
    if (c?.state !== 'running') {
      if (c?.state === 'created') this.#end(id, KILLED)
      return
    }
    const wants = this.#behaviours.get(id)?.stopAfterMs ?? 0
    const patience = graceSeconds * 1000
    const over = new Promise<void>((resolve) =>
      this.#ended.set(id, [...(this.#ended.get(id) ?? []), resolve]),
    )
    if (wants === 0) this.#end(id, TERMINATED)
    else
      this.#options.clock.after(Math.min(wants, patience), () =>
        this.#end(id, wants <= patience ? TERMINATED : KILLED),
      )
    await over
  }

  async remove(id: string): Promise<void> {
    this.#end(id, KILLED)
    this.#containers.delete(id)
    this.#behaviours.delete(id)
  }

  async resize(id: string): Promise<void> {
    if (this.#containers.get(id)?.state !== 'running')
      throw new Error(`cannot resize container ${id}: it is not running`)
  }

  async exec(id: string, command: readonly string[]) {
    if (this.#containers.get(id)?.state !== 'running')
      throw new Error(`cannot run a command in container ${id}: it is not running`)
    return { exitCode: command[0] === 'false' ? 1 : 0, stdout: '', stderr: '' }
  }

  async reopenLog(): Promise<void> {}

  async stats() {
    return []
  }

  async imageStatus(image: string): Promise<ObservedImage | undefined> {
    return [...this.#images.values()].find((i) => i.id === image || i.tags.includes(image))
  }

  async pull(image: string): Promise<string> {
    await this.#latency()
    if (this.#options.pullable && !this.#options.pullable(image))
      throw new Error(`failed to pull and unpack image "${image}": not found`)
    return (this.#images.get(image) ?? this.#addImage(image)).id
  }

  async images(): Promise<readonly ObservedImage[]> {
    return [...this.#images.values()]
  }

  async removeImage(id: string): Promise<void> {
    for (const [name, image] of this.#images) if (image.id === id || name === id) this.#images.delete(name)
  }

  async imageFilesystem() {
    return { mountpoint: '/', usedBytes: 0 }
  }

  async version() {
    return { name: 'containerd', version: '0.0.0-simulated' }
  }

  async problems(): Promise<readonly string[]> {
    return []
  }

  async setPodCidr(): Promise<void> {}

  execUrl(): Promise<string> {
    return Promise.reject(new Error('cannot stream: the containers of this node are simulated'))
  }

  attachUrl(): Promise<string> {
    return this.execUrl()
  }

  portForwardUrl(): Promise<string> {
    return this.execUrl()
  }
}
