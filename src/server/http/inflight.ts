import { ApiError, type UserInfo } from '../../api/index.ts'
import type { RequestAttributes } from '../contracts.ts'

export interface InflightLimits {
  readonly total: number
  /** What a single user may hold, so that one cannot lock out the others. */
  readonly perUser: number
}

const READS = new Set(['get', 'list'])
const LONG = new Set(['watch'])
const LONG_SUBRESOURCES = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])
const NOTHING = () => {}

/** Watches and streams: they last as long as the client likes. */
export function isLongRunning(attributes: RequestAttributes): boolean {
  return LONG.has(attributes.verb) || LONG_SUBRESOURCES.has(attributes.subresource)
}

/** Bounds how many requests are worked on at a time; watches and streams do not count. */
export class Inflight {
  readonly #limits: InflightLimits
  readonly #byUser = new Map<string, number>()
  #reading = 0
  #writing = 0

  constructor(limits: InflightLimits) {
    this.#limits = limits
  }

  get reading(): number {
    return this.#reading
  }

  get writing(): number {
    return this.#writing
  }

  /** Throws TooManyRequests, or returns what to call when the request is over. */
  enter(user: UserInfo, attributes: RequestAttributes): () => void {
    if (isLongRunning(attributes) || !attributes.isResource) return NOTHING
    const held = this.#byUser.get(user.username) ?? 0
    // The cluster's own parts always get through: they are what resolves an overload.
    const exempt = user.groups.includes('system:masters')
    if (!exempt && (held >= this.#limits.perUser || this.#reading + this.#writing >= this.#limits.total)) {
      throw new ApiError(
        'TooManyRequests',
        'the server has received too many requests and has asked us to try again later',
        { retryAfterSeconds: 1 },
      )
    }
    const reads = READS.has(attributes.verb)
    if (reads) this.#reading++
    else this.#writing++
    this.#byUser.set(user.username, held + 1)
    return () => {
      if (reads) this.#reading--
      else this.#writing--
      const left = (this.#byUser.get(user.username) ?? 1) - 1
      if (left > 0) this.#byUser.set(user.username, left)
      else this.#byUser.delete(user.username)
    }
  }
}
