import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, ConfigMap, Secret } from '../../api/index.ts'
import { harness } from '../testing/harness.ts'
import { defineController, each, plan, remove } from './index.ts'

/** Deletes the Secret of the same name, in the way that the ConfigMap says. */
const deleting = defineController({
  name: 'deleting',
  reads: [ConfigMap, Secret],
  writes: [{ kind: Secret, verbs: ['delete'] }],
  on: [each(ConfigMap)],
  observe: (key, view) => {
    const map = view.get(ConfigMap, key)
    const secret = view.get(Secret, key)
    return map && secret && { how: JSON.parse(map.data?.how ?? '{}'), secret }
  },
  plan: ({ how, secret }) => plan([remove(Secret, secret, how)]),
})

/** The same API, which tells how something is deleted. */
function watched(api: Api, tell: (how: unknown) => void): Api {
  return new Proxy(api, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (name === 'delete') tell(args[2])
        return value.apply(target, args)
      }
    },
  })
}

for (const how of [
  {},
  { propagationPolicy: 'Foreground' },
  { gracePeriodSeconds: 0 },
  { propagationPolicy: 'Orphan', gracePeriodSeconds: 7 },
]) {
  test(`a deletion says ${JSON.stringify(how)}, and means this life of the object only`, async () => {
    const asked: unknown[] = []
    const h = await harness([deleting], undefined, (api) => watched(api, (options) => asked.push(options)))
    const key = { namespace: 'd', name: 'a' }
    const { uid } = (await h.api.create(Secret, { metadata: key })).metadata
    await h.api.create(ConfigMap, { metadata: key, data: { how: JSON.stringify(how) } })
    await h.settle()
    assert.deepEqual(asked, [{ preconditions: { uid }, ...how }])
    await h.end()
  })
}
