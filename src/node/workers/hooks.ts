import { createConnection } from 'node:net'
import type { Container, LifecycleHandler } from '../../api/index.ts'
import { sleep } from '../../base/index.ts'
import { httpGet, type ProbeTools, portOf } from '../probes/actions.ts'

/** Runs a postStart or preStop handler; rejects with what its event says. */
export async function runHook(
  tools: ProbeTools,
  handler: LifecycleHandler,
  target: { readonly container: Container; readonly containerId: string; readonly podIP: string },
  timeoutMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const limit = timeoutMs ?? 24 * 3600_000
  if (handler.exec) {
    const command = handler.exec.command ?? []
    const { exitCode, stdout, stderr } = await tools.runtime.exec(
      target.containerId,
      command,
      timeoutMs,
      signal,
    )
    if (exitCode !== 0) {
      throw new Error(
        `Exec lifecycle hook (${JSON.stringify(command)}) for Container "${target.container.name}" failed - error: command '${command.join(' ')}' exited with ${exitCode}: ${stderr}, message: ${JSON.stringify((stdout + stderr).slice(0, 1024))}`,
      )
    }
  } else if (handler.httpGet) {
    // Any answer will do, whatever its status: the handler only has to have been told.
    await httpGet(tools, handler.httpGet, target, limit, signal)
  } else if (handler.sleep) {
    await sleep(tools.clock, Math.min(handler.sleep.seconds * 1000, limit), signal)
  } else if (handler.tcpSocket) {
    await connectOnce(
      handler.tcpSocket.host || target.podIP,
      portOf(target.container, handler.tcpSocket.port),
    )
  } else {
    throw new Error(
      `cannot run a lifecycle hook of container "${target.container.name}": expected exec, httpGet or sleep`,
    )
  }
}

function connectOnce(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port })
    socket.on('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.on('error', reject)
  })
}
