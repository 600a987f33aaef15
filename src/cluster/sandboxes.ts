import type { Clock } from '../base/index.ts'
import type { CriClient } from '../node/index.ts'

/**
 * Ends every pod of a containerd the orderly way: containers get SIGTERM and `graceMs`, then pods leave their network.
 * Does nothing when containerd does not answer: whoever calls goes on to kill what is left.
 */
export async function removeSandboxes(socket: string, clock: Clock, graceMs: number): Promise<void> {
  let cri: CriClient | undefined
  try {
    const { criClient } = await import('../node/index.ts')
    cri = criClient(socket, clock)
    const { call } = cri
    const { containers } = await call.listContainers({}, { timeoutMs: 5_000 })
    const timeout = Math.ceil(graceMs / 1000)
    const running = containers.filter((c) => c.state === CONTAINER_RUNNING)
    await Promise.allSettled(
      running.map((c) => call.stopContainer({ containerId: c.id, timeout }, { timeoutMs: graceMs + 20_000 })),
    )
    const { items } = await call.listPodSandbox({}, { timeoutMs: 5_000 })
    for (let i = 0; i < items.length; i += PARALLEL) {
      await Promise.allSettled(
        items.slice(i, i + PARALLEL).map(async ({ id }) => {
          await call.stopPodSandbox({ podSandboxId: id }, { timeoutMs: 30_000 })
          await call.removePodSandbox({ podSandboxId: id }, { timeoutMs: 30_000 })
        }),
      )
    }
  } catch {
    // Not running, or it does not answer.
  } finally {
    cri?.close()
  }
}

const CONTAINER_RUNNING = 1
const PARALLEL = 8
