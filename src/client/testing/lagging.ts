import type { Api } from '../../api/index.ts'
import { type Clock, sleep } from '../../base/index.ts'
import type { Kind } from '../../schema/index.ts'

/** The same API, with changes on watches (of one kind, or all) arriving late: caches are behind the server. */
export function lagging(api: Api, clock: Clock, lagMs: number, only?: Kind): Api {
  return new Proxy(api, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name !== 'watch') return value.bind(target)
      return async function* (kind: Kind, options: Parameters<Api['watch']>[1]) {
        let initial = true
        for await (const event of target.watch(kind, options)) {
          if (!initial && (!only || only === kind)) await sleep(clock, lagMs)
          if (event.type === 'BOOKMARK' && event.initialEventsEnd) initial = false
          yield event
        }
      }
    },
  })
}
