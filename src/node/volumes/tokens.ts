import { type Api, type Pod, ServiceAccount, type TokenRequest } from '../../api/index.ts'
import type { Clock, Random } from '../../base/index.ts'

/** A token is renewed when this much of its life is over, and in any case after a day. */
const RENEW_AT = 0.8
const MAX_AGE_MS = 24 * 3600_000

export interface TokenKey {
  readonly audience: string
  readonly expirationSeconds: number
}

interface Held {
  readonly token: string
  readonly renewAt: number
  readonly expiresAt: number
}

/** Service account tokens for the pods of this node, each bound to its pod. */
export class Tokens {
  readonly #api: Api
  readonly #clock: Clock
  readonly #random: Random
  readonly #held = new Map<string, Held>()

  constructor(deps: { readonly api: Api; readonly clock: Clock; readonly random: Random }) {
    this.#api = deps.api
    this.#clock = deps.clock
    this.#random = deps.random
  }

  /** The token at hand if it is fresh enough, else a new one; the old one while it is valid and none can be had. */
  async get(pod: Pod, key: TokenKey): Promise<string> {
    const id = tokenId(pod.metadata.uid, key)
    const held = this.#held.get(id)
    const now = this.#clock.now()
    if (held && now < held.renewAt) return held.token
    try {
      const { status } = await this.#api.call<object, TokenRequest>(
        ServiceAccount,
        { namespace: pod.metadata.namespace, name: pod.spec.serviceAccountName || 'default' },
        {
          subresource: 'token',
          method: 'POST',
          body: {
            apiVersion: 'authentication.k8s.io/v1',
            kind: 'TokenRequest',
            spec: {
              audiences: key.audience === '' ? [] : [key.audience],
              expirationSeconds: key.expirationSeconds,
              boundObjectRef: {
                kind: 'Pod',
                apiVersion: 'v1',
                name: pod.metadata.name,
                uid: pod.metadata.uid,
              },
            },
          },
        },
      )
      const expiresAt = Date.parse(status.expirationTimestamp ?? '')
      const life = Math.max(0, expiresAt - now)
      const renewAfter =
        Math.min(life * RENEW_AT, MAX_AGE_MS) - this.#random.next() * Math.min(10_000, life / 10)
      this.#held.set(id, { token: status.token, expiresAt, renewAt: now + renewAfter })
      return status.token
    } catch (error) {
      if (held && now < held.expiresAt) return held.token
      throw new Error(`failed to fetch token: ${(error as Error).message}`, { cause: error })
    }
  }

  /** When the first of the pod's tokens is to be renewed; undefined: it has none. */
  renewAt(uid: string): number | undefined {
    let first: number | undefined
    for (const [id, held] of this.#held)
      if (id.startsWith(`${uid}/`)) first = Math.min(first ?? held.renewAt, held.renewAt)
    return first
  }

  forget(uid: string): void {
    for (const id of this.#held.keys()) if (id.startsWith(`${uid}/`)) this.#held.delete(id)
  }
}

const tokenId = (uid: string, key: TokenKey): string => `${uid}/${key.expirationSeconds}/${key.audience}`
