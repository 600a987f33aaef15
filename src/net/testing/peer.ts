/** Runs in a network namespace of a test and talks to its parent: serves and calls TCP and UDP ports. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'

export type Request =
  | { readonly op: 'serveTcp'; readonly port: number }
  | { readonly op: 'serveUdp'; readonly address: string; readonly port: number }
  | { readonly op: 'stopUdp'; readonly address: string; readonly port: number }
  | { readonly op: 'callTcp'; readonly address: string; readonly port: number; readonly from?: string }
  | { readonly op: 'callUdp'; readonly address: string; readonly port: number; readonly fromPort?: number }
  /** Calls again and again until `stop`; the answer to `stop` counts. */
  | { readonly op: 'load'; readonly address: string; readonly port: number }
  | { readonly op: 'stop' }

export interface Tally {
  readonly answers: Record<string, number>
  readonly failures: readonly string[]
}

const CALL_MS = 700
const udpByPort = new Map<number, UdpSocket>()
const servedUdp = new Map<string, UdpSocket>()
let load: { stopped: boolean; done: Promise<Tally> } | undefined

process.on('message', (message: { id: number; request: Request }) => {
  handle(message.request).then(
    (result) => process.send!({ id: message.id, result }),
    (error: NodeJS.ErrnoException) => process.send!({ id: message.id, error: error.code ?? error.message }),
  )
})
process.on('disconnect', () => process.exit(0))

async function handle(request: Request): Promise<unknown> {
  switch (request.op) {
    case 'serveTcp':
      return serveTcp(request.port)
    case 'serveUdp':
      return serveUdp(request.address, request.port)
    case 'stopUdp':
      servedUdp.get(`${request.address}:${request.port}`)?.close()
      return undefined
    case 'callTcp':
      return callTcp(request.address, request.port, request.from)
    case 'callUdp':
      return callUdp(request.address, request.port, request.fromPort)
    case 'load': {
      const state = { stopped: false, done: Promise.resolve<Tally>({ answers: {}, failures: [] }) }
      state.done = keepCalling(request.address, request.port, state)
      load = state
      return undefined
    }
    case 'stop':
      if (!load) throw new Error('no load is running')
      load.stopped = true
      return load.done
    default:
      return request satisfies never
  }
}

/** Answers with the address that was called and that of the caller. */
function serveTcp(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(
      `${socket.localAddress?.replace('::ffff:', '')} ${socket.remoteAddress?.replace('::ffff:', '')}`,
    )
  })
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen({ port, host: '0.0.0.0', backlog: 4096 }, () => resolve())
  })
}

function serveUdp(address: string, port: number): Promise<void> {
  const socket = createSocket('udp4')
  servedUdp.set(`${address}:${port}`, socket)
  socket.on('message', (_data, from) => socket.send(`${address} ${from.address}`, from.port, from.address))
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.bind(port, address, () => resolve())
  })
}

function callTcp(address: string, port: number, from?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, ...(from ? { localAddress: from } : {}) })
    let text = ''
    socket.setTimeout(CALL_MS, () =>
      socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })),
    )
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    socket.on('error', reject)
    socket.on('close', (hadError) => {
      if (!hadError) resolve(text)
    })
  })
}

function callUdp(address: string, port: number, fromPort?: number): Promise<string> {
  const known = fromPort === undefined ? undefined : udpByPort.get(fromPort)
  const isNew = known === undefined
  const socket = known ?? createSocket('udp4')
  if (fromPort) udpByPort.set(fromPort, socket)
  return new Promise((resolve, reject) => {
    const end = (act: () => void) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      if (!fromPort) socket.close()
      act()
    }
    const timer = setTimeout(
      () => end(() => reject(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' }))),
      CALL_MS,
    )
    socket.once('message', (data) => end(() => resolve(data.toString())))
    socket.once('error', (error) => end(() => reject(error)))
    const send = () => socket.send('hello')
    if (fromPort && isNew) socket.bind(fromPort, () => socket.connect(port, address, send))
    else if (isNew) socket.connect(port, address, send)
    else send()
  })
}

async function keepCalling(address: string, port: number, state: { stopped: boolean }): Promise<Tally> {
  const answers: Record<string, number> = {}
  const failures: string[] = []
  const one = async () => {
    while (!state.stopped) {
      try {
        const [by = ''] = (await callTcp(address, port)).split(' ')
        answers[by] = (answers[by] ?? 0) + 1
      } catch (error) {
        failures.push((error as NodeJS.ErrnoException).code ?? String(error))
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, one))
  return { answers, failures }
}
