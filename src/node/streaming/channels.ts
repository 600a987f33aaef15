/**
 * Kubernetes' channels over WebSocket: the first byte of each message says which stream it belongs to. In the base64
 * protocols messages are text: a digit, then the bytes in base64.
 */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const
/** v5: a message of this and a channel's number ends that channel. */
const CLOSE = 255

export interface Subprotocol {
  /** '' for clients that name none. */
  readonly name: string
  readonly base64: boolean
  /** What the error channel carries: a Status always, or the words of a failure. */
  readonly status: boolean
  readonly close: boolean
}

const plain = { base64: false, status: false, close: false }

/** For exec and attach. */
export const EXEC_SUBPROTOCOLS: readonly Subprotocol[] = [
  { ...plain, name: 'v5.channel.k8s.io', status: true, close: true },
  { ...plain, name: 'v4.channel.k8s.io', status: true },
  { ...plain, name: 'v4.base64.channel.k8s.io', status: true, base64: true },
  { ...plain, name: 'channel.k8s.io' },
  { ...plain, name: 'base64.channel.k8s.io', base64: true },
  { ...plain, name: '' },
]

/** For port-forward, where a pair of channels belongs to each port. */
export const PORT_SUBPROTOCOLS: readonly Subprotocol[] = [
  { ...plain, name: 'v4.channel.k8s.io' },
  { ...plain, name: 'v4.base64.channel.k8s.io', base64: true },
  { ...plain, name: '' },
]

export const SPDY_PORT_FORWARD = 'portforward.k8s.io'
/** SPDY inside of WebSocket messages: what kubectl port-forward speaks since 1.31. */
export const TUNNEL_SUBPROTOCOL = `SPDY/3.1+${SPDY_PORT_FORWARD}`

export type ChannelMessage =
  | { readonly type: 'data'; readonly channel: number; readonly data: Buffer }
  | { readonly type: 'close'; readonly channel: number }
  | { readonly type: 'nothing' }

/** The client's first choice among what is known; undefined when it knows none of ours. */
export function chooseSubprotocol(
  offers: readonly string[],
  known: readonly Subprotocol[],
): Subprotocol | undefined {
  const wanted = offers.length === 0 ? [''] : offers
  for (const name of wanted) {
    const found = known.find((k) => k.name === name)
    if (found) return found
  }
  return undefined
}

export function decodeMessage(protocol: Subprotocol, message: Buffer): ChannelMessage {
  const first = message[0]
  if (first === undefined) return { type: 'nothing' }
  if (protocol.base64) {
    const data = Buffer.from(message.subarray(1).toString('latin1'), 'base64')
    return { type: 'data', channel: first - 0x30, data }
  }
  if (protocol.close && first === CLOSE) {
    const channel = message[1]
    return channel === undefined ? { type: 'nothing' } : { type: 'close', channel }
  }
  return { type: 'data', channel: first, data: message.subarray(1) }
}

/** A string is to be sent as a text message, a buffer as a binary one. */
export function encodeMessage(protocol: Subprotocol, channel: number, data: Buffer): Buffer | string {
  if (protocol.base64) return `${String.fromCharCode(0x30 + channel)}${data.toString('base64')}`
  return Buffer.concat([Buffer.from([channel]), data])
}
