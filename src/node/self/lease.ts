import { type Api, isApiError, Lease } from '../../api/index.ts'
import { type Clock, type Log, microTimestamp, pause, sleep } from '../../base/index.ts'

const NAMESPACE = 'kube-node-lease'
const RENEW_MS = 10_000
const DURATION_SECONDS = 40
const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 7_000

/** Renews the node's Lease: how the cluster knows that this node is alive. Ends when the signal aborts. */
export async function keepLease(deps: {
  readonly api: Api
  readonly clock: Clock
  readonly log: Log
  readonly nodeName: string
  readonly nodeUid: () => string | undefined
  /** The Lease is gone: it goes with the Node, so that one may be gone too. */
  readonly onLost: () => void
  readonly signal: AbortSignal
}): Promise<void> {
  const { api, clock, log, nodeName, signal } = deps
  let known: Lease | undefined
  let delay = FIRST_RETRY_MS
  while (!signal.aborted) {
    try {
      known = await renew(known)
      delay = FIRST_RETRY_MS
      await sleep(clock, RENEW_MS, signal)
    } catch (error) {
      if (signal.aborted) return
      if (known && isApiError(error, 'NotFound')) deps.onLost()
      known = undefined
      if (delay === MAX_RETRY_MS)
        log.warn({ error: (error as Error).message }, 'cannot renew the lease of this node yet')
      await pause(clock, delay, signal)
      delay = Math.min(delay * 2, MAX_RETRY_MS)
    }
  }

  async function renew(before: Lease | undefined): Promise<Lease> {
    const key = { namespace: NAMESPACE, name: nodeName }
    const uid = deps.nodeUid()
    const spec = {
      holderIdentity: nodeName,
      leaseDurationSeconds: DURATION_SECONDS,
      renewTime: microTimestamp(clock.now()),
    }
    const owners = uid ? [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] : []
    const lease =
      before ??
      (await api.get(Lease, key, { signal }).catch((error: unknown) => {
        if (isApiError(error, 'NotFound')) return undefined
        throw error
      }))
    if (!lease) return api.create(Lease, { metadata: { ...key, ownerReferences: owners }, spec }, { signal })
    const ownerReferences = lease.metadata.ownerReferences?.length ? lease.metadata.ownerReferences : owners
    return api.update(
      Lease,
      { ...lease, metadata: { ...lease.metadata, ownerReferences }, spec: { ...lease.spec, ...spec } },
      { signal },
    )
  }
}
