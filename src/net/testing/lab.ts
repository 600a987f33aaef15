import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, machineCommand } from '../command.ts'
import type { Request, Tally } from './peer.ts'

export const CAN_MAKE_NAMESPACES =
  process.getuid?.() === 0 && existsSync('/usr/sbin/nft') && existsSync('/proc/sys/net/bridge')

export const POD_CIDR = '10.244.0.0/16'
export const NODE_IP = '192.0.2.1'
/** A client that is neither pod nor node; it reaches Service addresses by way of the node. */
export const OUTSIDE_IP = '192.0.2.2'
/** Addresses of servers: pods of the node that share a namespace. */
export const PODS = ['10.244.0.11', '10.244.0.12', '10.244.0.13', '10.244.0.14'] as const
export const CLIENT_POD_IP = '10.244.0.20'

export type Place = 'node' | 'pods' | 'client' | 'outside'

/** A node with pods on a bridge, and a machine outside of the cluster: four network namespaces. */
export class Lab {
  readonly #name: string
  readonly #peers = new Map<Place, Peer>()

  constructor() {
    this.#name = `dhl${process.pid % 100_000}`
    try {
      this.#build()
    } catch (error) {
      this.close()
      throw error
    }
  }

  namespace(place: Place): string {
    return `${this.#name}-${place}`
  }

  /** How programs run on the node. */
  get onNode(): Command {
    return machineCommand(['nsenter', `--net=/run/netns/${this.namespace('node')}`])
  }

  at(place: Place): Peer {
    let peer = this.#peers.get(place)
    if (!peer) {
      peer = new Peer(this.namespace(place))
      this.#peers.set(place, peer)
    }
    return peer
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.close()
    for (const place of ['node', 'pods', 'client', 'outside'] as const) {
      if (existsSync(`/run/netns/${this.namespace(place)}`))
        execFileSync('ip', ['netns', 'delete', this.namespace(place)])
    }
  }

  #build(): void {
    const [node, pods, client, outside] = (['node', 'pods', 'client', 'outside'] as const).map((p) =>
      this.namespace(p),
    ) as [string, string, string, string]
    for (const name of [node, pods, client, outside]) {
      ip('netns', 'add', name)
      ip('-n', name, 'link', 'set', 'lo', 'up')
    }
    ip('-n', node, 'link', 'add', 'pods', 'type', 'bridge')
    ip('-n', node, 'address', 'add', '10.244.0.1/24', 'dev', 'pods')
    ip('-n', node, 'link', 'set', 'pods', 'up')
    const link = (name: string, other: string, ...how: string[]) => {
      ip('-n', node, 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', other)
      ip('-n', node, 'link', 'set', name, 'up', ...how)
      ip('-n', other, 'link', 'set', 'eth0', 'up')
    }
    for (const [name, other, addresses] of [
      ['pod1', pods, PODS],
      ['pod2', client, [CLIENT_POD_IP]],
    ] as const) {
      link(name, other, 'master', 'pods')
      ip('-n', node, 'link', 'set', name, 'type', 'bridge_slave', 'hairpin', 'on')
      for (const address of addresses) ip('-n', other, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      ip('-n', other, 'route', 'add', 'default', 'via', '10.244.0.1')
    }
    link('uplink', outside)
    ip('-n', node, 'address', 'add', `${NODE_IP}/24`, 'dev', 'uplink')
    ip('-n', outside, 'address', 'add', `${OUTSIDE_IP}/24`, 'dev', 'eth0')
    ip('-n', outside, 'route', 'add', 'default', 'via', NODE_IP)
    ip('-n', node, 'route', 'add', 'default', 'via', OUTSIDE_IP)
    const sysctls = ['net/ipv4/ip_forward', 'net/bridge/bridge-nf-call-iptables']
    const script = sysctls.map((key) => `echo 1 > /proc/sys/${key}`).join('\n')
    execFileSync('nsenter', [`--net=/run/netns/${node}`, 'sh', '-ec', script])
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args)
}

/** A process in one of the namespaces. */
class Peer {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #next = 0

  constructor(namespace: string) {
    const program = join(import.meta.dirname, 'peer.ts')
    this.#child = spawn('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    this.#child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(result)
      else waiting?.reject(new Error(error))
    })
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the peer ended'))
    })
  }

  ask(request: Request): Promise<unknown> {
    const id = ++this.#next
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, request })
    })
  }

  /** `10.244.0.11 10.244.0.20`: who answered and whom it saw; or the error's code. */
  tcp(address: string, port: number, from?: string): Promise<string> {
    return this.#call({ op: 'callTcp', address, port, ...(from ? { from } : {}) })
  }

  udp(address: string, port: number, fromPort?: number): Promise<string> {
    return this.#call({ op: 'callUdp', address, port, ...(fromPort ? { fromPort } : {}) })
  }

  async stopLoad(): Promise<Tally> {
    return (await this.ask({ op: 'stop' })) as Tally
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }

  #call(request: Request): Promise<string> {
    return this.ask(request).then(
      (text) => text as string,
      (error: Error) => error.message,
    )
  }
}
