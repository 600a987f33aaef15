import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../client/testing/index.ts'
import type { ContainerConfig, PodSandboxConfig } from '../cri/index.ts'
import type { ObservedContainer, Runtime } from '../runtime/runtime.ts'
import { CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID } from '../spec/labels.ts'

export interface RuntimeSetup {
  readonly runtime: Runtime
  /** An image that is there. */
  readonly image: string
  readonly logDirectory: string
  readonly cgroupParent: string
}

/** What every runtime promises, as tests. Containers run `sh -c <script>`; the fake knows these scripts. */
export function runtimeContract(
  name: string,
  skip: string | false,
  setup: () => Promise<RuntimeSetup>,
): void {
  let serial = 0
  const it = (what: string, body: (s: RuntimeSetup, pod: TestPod) => Promise<void>) =>
    test(`${name}: ${what}`, { skip, timeout: 60_000 }, async () => {
      const s = await setup()
      const pod = new TestPod(s, `contract-${++serial}`)
      try {
        await body(s, pod)
      } finally {
        await pod.remove()
      }
    })

  it('a sandbox is ready, has an address, and is found under the uid of its pod', async ({
    runtime,
  }, pod) => {
    const id = await pod.sandbox()
    const seen = await runtime.observePod(pod.uid)
    assert.deepEqual([seen.name, seen.namespace], [pod.uid, 'default'])
    assert.equal(seen.sandboxes.length, 1)
    assert.equal(seen.sandboxes[0]!.id, id)
    assert.equal(seen.sandboxes[0]!.ready, true)
    assert.match(seen.sandboxes[0]!.ips[0]!, /^10\./)
    assert.ok((await runtime.observe()).has(pod.uid))
  })

  it('a container is created, runs, and ends with its exit code', async ({ runtime }, pod) => {
    const id = await pod.container('exit 3', 0, false)
    assert.equal((await pod.seen(id)).state, 'created')
    await runtime.start(id)
    const ended = await eventually('its end', async () => {
      const c = await pod.seen(id)
      return c.state === 'exited' && c
    })
    assert.equal(ended.exitCode, 3)
    assert.equal(ended.reason, 'Error')
    assert.ok(ended.createdAt <= ended.startedAt! && ended.startedAt! <= ended.finishedAt!)
  })

  it('labels, annotations and the attempt come back as they were given', async (_, pod) => {
    const c = await pod.seen(await pod.container('sleep', 4))
    assert.deepEqual([c.name, c.attempt, c.labels[POD_UID], c.annotations.note], ['a', 4, pod.uid, 'kept'])
  })

  it('the same attempt is not created twice', async (_, pod) => {
    await pod.container('sleep', 0)
    await assert.rejects(pod.container('sleep', 0))
  })

  it('a container that is told to stop ends; stopping it again is no error', async ({ runtime }, pod) => {
    const id = await pod.container('gentle')
    await runtime.stop(id, 10)
    assert.equal((await pod.seen(id)).state, 'exited')
    await runtime.stop(id, 10)
    await runtime.stop('0'.repeat(64), 10)
  })

  it('a container that does not listen is killed when the time is over', async ({ runtime }, pod) => {
    const id = await pod.container('stubborn')
    await runtime.stop(id, 1)
    const c = await pod.seen(id)
    assert.deepEqual([c.state, c.exitCode], ['exited', 137])
  })

  it('changes are told as they happen', async ({ runtime }, pod) => {
    const stop = new AbortController()
    const heard: (string | undefined)[] = []
    const listening = (async () => {
      for await (const uid of runtime.changes(stop.signal)) heard.push(uid)
    })()
    await pod.sandbox()
    const id = await pod.container('sleep')
    heard.length = 0
    await runtime.stop(id, 0)
    await eventually('the end of the container', () => heard.includes(pod.uid))
    stop.abort()
    await listening.catch(() => {})
  })

  it('removing a sandbox takes its containers with it', async ({ runtime }, pod) => {
    const id = await pod.container('sleep')
    const { sandboxId } = await pod.seen(id)
    await runtime.stopSandbox(sandboxId)
    assert.equal((await runtime.observePod(pod.uid)).sandboxes[0]!.ready, false)
    await runtime.removeSandbox(sandboxId)
    await runtime.removeSandbox(sandboxId)
    assert.deepEqual((await runtime.observePod(pod.uid)).containers, [])
  })

  it('a command runs in a container, and its exit code comes back', async ({ runtime }, pod) => {
    const id = await pod.container('sleep')
    assert.equal((await runtime.exec(id, ['true'], 5000)).exitCode, 0)
    assert.equal((await runtime.exec(id, ['false'], 5000)).exitCode, 1)
  })

  it('an image is known by its name; one that is not there is undefined', async ({ runtime, image }) => {
    const found = await runtime.imageStatus(image)
    assert.ok(found?.tags.includes(image))
    assert.equal(await runtime.imageStatus('dhow.local/absent:1'), undefined)
    await assert.rejects(runtime.pull('127.0.0.1:1/absent:1', undefined))
  })
}

/** The scripts of the contract, by the name the fake knows them by. */
const SCRIPTS: Readonly<Record<string, string>> = {
  sleep: 'sleep 1000',
  'exit 3': 'exit 3',
  gentle: "trap 'exit 0' TERM; while true; do sleep 0.05; done",
  stubborn: "trap '' TERM; while true; do sleep 0.05; done",
}

class TestPod {
  readonly uid: string
  readonly #setup: RuntimeSetup
  #sandboxId: string | undefined

  constructor(setup: RuntimeSetup, uid: string) {
    this.#setup = setup
    this.uid = uid
  }

  #labels(): Record<string, string> {
    return { [POD_UID]: this.uid, [POD_NAME]: this.uid, [POD_NAMESPACE]: 'default' }
  }

  #config(): PodSandboxConfig {
    return {
      metadata: { name: this.uid, uid: this.uid, namespace: 'default', attempt: 0 },
      hostname: this.uid,
      logDirectory: `${this.#setup.logDirectory}/${this.uid}`,
      labels: this.#labels(),
      linux: { cgroupParent: this.#setup.cgroupParent, securityContext: { namespaceOptions: { pid: 1 } } },
    }
  }

  async sandbox(): Promise<string> {
    this.#sandboxId ??= await this.#setup.runtime.runSandbox(this.#config())
    return this.#sandboxId
  }

  async container(script: string, attempt = 0, start = true): Promise<string> {
    const { runtime, image } = this.#setup
    const config: ContainerConfig = {
      metadata: { name: 'a', attempt },
      image: { image },
      command: ['sh', '-c', SCRIPTS[script]!, script],
      labels: { ...this.#labels(), [CONTAINER_NAME]: 'a' },
      annotations: { note: 'kept' },
      logPath: `a/${attempt}.log`,
      linux: { resources: {}, securityContext: { namespaceOptions: { pid: 1 } } },
    }
    const id = await runtime.create(await this.sandbox(), config, this.#config())
    if (start) await runtime.start(id)
    return id
  }

  async seen(id: string): Promise<ObservedContainer> {
    const { containers } = await this.#setup.runtime.observePod(this.uid)
    const found = containers.find((c) => c.id === id)
    assert.ok(found, `container ${id} is there`)
    return found
  }

  async remove(): Promise<void> {
    if (this.#sandboxId) await this.#setup.runtime.stopSandbox(this.#sandboxId)
    if (this.#sandboxId) await this.#setup.runtime.removeSandbox(this.#sandboxId)
  }
}
