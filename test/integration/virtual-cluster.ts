import { type Api, Lease, Node, Pod } from '../../src/api/index.ts'
import { type Log, microTimestamp, seededRandom, timestamp, VirtualClock } from '../../src/base/index.ts'
import { startTestCluster, type TestCluster } from '../../src/cluster/testing/index.ts'

const LEASES = 'kube-node-lease'
/** A container of this image never becomes ready. */
export const BROKEN = 'broken'

/**
 * The whole control plane, the real server with its validation and rights, under a clock that the test owns. The test
 * plays the nodes: those that are alive renew their Leases, run their pods and end those that are deleted.
 */
export class VirtualCluster {
  readonly clock = new VirtualClock()
  readonly alive = new Set<string>()
  /** What was logged as a warning or worse. */
  readonly problems: string[] = []
  #cluster: TestCluster | undefined
  #addresses = 0

  static async start(seed = 1): Promise<VirtualCluster> {
    const virtual = new VirtualCluster()
    const note = (fields: object, message: string) => {
      const { err } = fields as { err?: Error }
      const texts = [message, err?.message, (err?.cause as Error | undefined)?.message]
      virtual.problems.push(texts.filter(Boolean).join(': '))
    }
    const log: Log = { debug() {}, info() {}, warn: note, error: note, child: () => log }
    const { clock } = virtual
    const options = { clock, log, random: seededRandom(seed, 'cluster') }
    virtual.#cluster = await virtual.during(startTestCluster(options))
    return virtual
  }

  get api(): Api {
    return this.#cluster!.api
  }

  async close(): Promise<void> {
    await this.during(this.#cluster!.close())
  }

  /** Lets all that is due happen until the promise is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let over = false
    const settled = promise.finally(() => {
      over = true
    })
    settled.catch(() => {})
    while (!over) await this.clock.advance(1)
    return settled
  }

  /** Lets seconds pass. */
  async pass(seconds: number): Promise<void> {
    for (let t = 0; t < seconds; t += 5) {
      await this.during(this.#playNodes())
      await this.clock.advance(5000)
    }
    await this.during(this.#playNodes())
  }

  async join(name: string): Promise<void> {
    const { api, clock } = this
    await api.create(Node, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } })
    const lease = { metadata: { namespace: LEASES, name }, spec: { holderIdentity: name } }
    await api.create(Lease, lease).catch(() => {})
    const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: timestamp(clock.now()) }]
    const status = { conditions, allocatable: { cpu: '8', memory: '8Gi', pods: '50' } }
    await api.patch(Node, { name }, { type: 'merge', body: { status } }, { subresource: 'status' })
    this.alive.add(name)
  }

  /** The node is heard again. */
  async wake(name: string): Promise<void> {
    const conditions = [
      { type: 'Ready', status: 'True', lastHeartbeatTime: timestamp(this.clock.now()) },
      ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({ type, status: 'False' })),
    ]
    const patch = { type: 'strategic', body: { status: { conditions } } } as const
    await this.api.patch(Node, { name }, patch, { subresource: 'status' })
    this.alive.add(name)
  }

  async #playNodes(): Promise<void> {
    const { api, alive, clock } = this
    for (const name of alive) {
      const body = { spec: { renewTime: microTimestamp(clock.now()) } }
      await api.patch(Lease, { namespace: LEASES, name }, { type: 'merge', body })
    }
    for (const pod of (await api.list(Pod)).items) {
      if (!alive.has(pod.spec.nodeName ?? '')) continue
      if (pod.metadata.deletionTimestamp) await api.delete(Pod, pod.metadata, { gracePeriodSeconds: 0 })
      else if (pod.status.phase !== 'Failed' && !isReady(pod) && pod.spec.containers[0]?.image !== BROKEN)
        await this.#run(pod)
    }
  }

  async #run(pod: Pod): Promise<void> {
    const n = ++this.#addresses
    const podIP = pod.status.podIP ?? `10.244.${n >> 8}.${n & 255}`
    const lastTransitionTime = timestamp(this.clock.now())
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime }]
    const body = { status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions } }
    await this.api.patch(Pod, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
  }
}

export const isReady = (pod: Pod): boolean =>
  pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false
