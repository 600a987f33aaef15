import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect, type Socket } from 'node:net'

/** What went wrong, a line each; `exchanges` counts what went well. */
export interface Traffic {
  readonly exchanges: number
  readonly failures: readonly string[]
}

export interface RunningTraffic {
  traffic(): Traffic
  stop(): Promise<Traffic>
}

const PAUSE_MS = 25
const PATIENCE_MS = 20_000

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** `workers` loops that do `exchange` until stopped; one that fails goes on. */
function repeat(
  workers: number,
  exchange: (worker: number) => Promise<void>,
  close = () => {},
): RunningTraffic {
  let running = true
  let exchanges = 0
  const failures: string[] = []
  const loop = async (worker: number) => {
    while (running) {
      try {
        await exchange(worker)
        exchanges++
      } catch (error) {
        if (running) failures.push(`${new Date().toISOString()} ${String(error)}`)
      }
      await pause(PAUSE_MS)
    }
  }
  const all = Promise.all(Array.from({ length: workers }, (_, i) => loop(i)))
  return {
    traffic: () => ({ exchanges, failures: [...failures] }),
    async stop() {
      running = false
      await all
      close()
      return { exchanges, failures }
    },
  }
}

/** Each request on a connection of its own. */
export const newConnections = (url: string, workers = 3) => repeat(workers, () => request(url, false))

/** Requests on connections that are kept for as long as the server keeps them. */
export function keptConnections(url: string, workers = 3): RunningTraffic {
  const agent = new Agent({ keepAlive: true, maxSockets: workers })
  return repeat(
    workers,
    () => request(url, agent),
    () => agent.destroy(),
  )
}

function request(url: string, agent: Agent | false): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = get(url, { agent, timeout: PATIENCE_MS }, (response) => {
      response.resume()
      response.on('error', reject)
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
      )
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)))
    sent.on('error', reject)
  })
}

/** Connections to an echo that are opened once and stay: when one breaks, that is a failure, and another is opened. */
export async function longConnections(host: string, port: number, count = 4): Promise<RunningTraffic> {
  const sockets: (Socket | undefined)[] = await Promise.all(
    Array.from({ length: count }, () => open(host, port)),
  )
  let serial = 0
  return repeat(
    count,
    async (i) => {
      try {
        sockets[i] ??= await open(host, port)
        if (sockets[i].destroyed) throw new Error('the connection broke')
        const line = `${++serial}\n`
        sockets[i].write(line)
        const [echoed] = await once(sockets[i], 'data', { signal: AbortSignal.timeout(PATIENCE_MS) })
        if (String(echoed) !== line) throw new Error(`sent ${line.trim()}, got ${String(echoed).trim()}`)
      } catch (error) {
        sockets[i]?.destroy()
        sockets[i] = undefined
        throw error
      }
    },
    () => {
      for (const socket of sockets) socket?.destroy()
    },
  )
}

async function open(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true })
  await once(socket, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) })
  // Also when nobody waits for it: the next exchange meets a broken connection.
  socket.on('error', () => {})
  return socket
}
