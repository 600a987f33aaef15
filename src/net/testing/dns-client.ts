import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED, streamEncode } from 'dns-packet'

export interface Ask {
  readonly port: number
  readonly name: string
  readonly type?: string
  readonly tcp?: boolean
  /** EDNS with this payload size. */
  readonly edns?: number
  readonly address?: string
}

export function questionPacket(ask: Omit<Ask, 'port'>, id = Math.floor(Math.random() * 65_536)): Packet {
  const opt = {
    type: 'OPT' as const,
    name: '.',
    udpPayloadSize: ask.edns ?? 0,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  return {
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name: ask.name, type: (ask.type ?? 'A') as 'A' }],
    additionals: ask.edns === undefined ? [] : [opt],
  }
}

/** Asks as a resolver does, with another implementation of the wire format; rejects after 5 s. */
export async function dig(
  ask: Ask,
): Promise<DecodedPacket & { readonly rcode: string; readonly size: number }> {
  const packet = questionPacket(ask)
  const bytes = await (ask.tcp
    ? exchangeTcp(ask, streamEncode(packet))
    : exchangeUdp(ask, Buffer.from(encode(packet))))
  return { ...(decode(bytes) as DecodedPacket & { readonly rcode: string }), size: bytes.length }
}

/** One datagram there, one back. */
export function exchangeUdp({ port, address = '127.0.0.1' }: Pick<Ask, 'port' | 'address'>, message: Buffer) {
  const socket = createSocket('udp4')
  return new Promise<Buffer>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), 5_000)
    socket.once('message', (response) => {
      clearTimeout(timer)
      resolve(response)
    })
    socket.once('error', reject)
    socket.send(message, port, address)
  }).finally(() => socket.close())
}

export function exchangeTcp({ port, address = '127.0.0.1' }: Pick<Ask, 'port' | 'address'>, message: Buffer) {
  return new Promise<Buffer>((resolve, reject) => {
    const socket = connect({ host: address, port })
    let received: Buffer = Buffer.alloc(0)
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection ended')))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      resolve(received.subarray(2))
      socket.destroy()
    })
    socket.write(message)
  })
}

/** `www.example.com A 192.0.2.7` for each answer, sorted. */
export function answersOf(packet: { readonly answers?: DecodedPacket['answers'] }): string[] {
  return (packet.answers ?? []).map(textOf).sort()
}

export function textOf(answer: NonNullable<DecodedPacket['answers']>[number]): string {
  const data = 'data' in answer ? answer.data : ''
  if (answer.type === 'SRV') {
    const { priority, weight, port, target } = answer.data
    return `${answer.name} SRV ${priority} ${weight} ${port} ${target}`
  }
  return `${answer.name} ${answer.type} ${String(data)}`
}
