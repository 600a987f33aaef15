import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { answersTo } from './message.ts'

/** An upstream resolver. */
export interface Upstream {
  readonly address: string
  readonly port: number
}

/** Asks an upstream; rejects when it cannot be reached or `signal` aborts. */
export type Exchange = (upstream: Upstream, question: Buffer, signal: AbortSignal) => Promise<Buffer>

/** Over UDP, from a port of its own for each question. */
export const exchangeUdp: Exchange = (upstream, question, signal) =>
  new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(upstream.address) ? 'udp6' : 'udp4')
    let isOver = false
    const end = (settle: () => void) => {
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', onAbort)
      socket.close()
      settle()
    }
    const onAbort = () => end(() => reject(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', (error) => end(() => reject(error)))
    socket.on('message', (response) => {
      if (answersTo(response, question)) end(() => resolve(response))
    })
    // Connected: only this upstream is heard, and an unreachable port is told at once.
    socket.once('connect', () => {
      if (!isOver) socket.send(question)
    })
    socket.connect(upstream.port, upstream.address)
  })

/** Over TCP: for what does not fit into a datagram. */
export const exchangeTcp: Exchange = (upstream, question, signal) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: upstream.address, port: upstream.port })
    const onAbort = () => socket.destroy(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    let received: Buffer = Buffer.alloc(0)
    socket.on('connect', () => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(question.length)
      socket.write(Buffer.concat([length, question]))
    })
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      const response = received.subarray(2, 2 + received.readUInt16BE(0))
      socket.destroy()
      if (answersTo(response, question)) resolve(response)
      else reject(new Error(`upstream ${upstream.address} answered another question`))
    })
    socket.on('error', reject)
    socket.on('close', () => {
      signal.removeEventListener('abort', onAbort)
      reject(new Error(`upstream ${upstream.address} ended the connection`))
    })
  })
