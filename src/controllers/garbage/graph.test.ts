import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '../../api/index.ts'
import { type Random, seededRandom } from '../../base/index.ts'
import { lagging } from '../../client/testing/index.ts'
import { type Harness, harness } from '../testing/harness.ts'
import { garbageCollector } from './index.ts'

/** Random families of owners and owned, against a model that says who should be left after each deletion. */

type Policy = 'Background' | 'Foreground' | 'Orphan'
const POLICIES: readonly Policy[] = ['Background', 'Foreground', 'Orphan']

/** Who owns whom, by name. */
type Model = Map<string, Set<string>>

function deleteFrom(model: Model, name: string, policy: Policy): void {
  model.delete(name)
  for (const [child, owners] of [...model]) {
    if (!owners.delete(name)) continue
    if (policy !== 'Orphan' && owners.size === 0) deleteFrom(model, child, 'Background')
  }
}

for (let seed = 1; seed <= 25; seed++) {
  for (const lagMs of [0, 300]) {
    test(`deletions leave whom they should (seed ${seed}, caches ${lagMs} ms behind)`, () => run(seed, lagMs))
  }
}

async function run(seed: number, lagMs: number): Promise<void> {
  const random = seededRandom(seed, 'graph')
  const h = await harness([garbageCollector()], undefined, (api, clock) =>
    lagMs > 0 ? lagging(api, clock, lagMs) : api,
  )
  const model = await populate(h, random)
  await settle(h, lagMs)
  assert.deepEqual(await observed(h), printable(model), 'before any deletion')
  while (model.size > 0) {
    const names = [...model.keys()]
    const name = names[Math.floor(random.next() * names.length)]!
    const policy = POLICIES[Math.floor(random.next() * POLICIES.length)]!
    await h.api.delete(ConfigMap, { namespace: 'd', name }, { propagationPolicy: policy })
    deleteFrom(model, name, policy)
    await settle(h, lagMs)
    assert.deepEqual(await observed(h), printable(model), `after deleting ${name} in the way of ${policy}`)
  }
  await h.end()
}

const settle = (h: Harness, lagMs: number) => h.settle(lagMs === 0 ? 1000 : 60_000)

/** Owners are older than what they own, so there are no circles; some objects have several owners, or none. */
async function populate(h: Harness, random: Random): Promise<Model> {
  const model: Model = new Map()
  const made: ConfigMap[] = []
  for (let i = 0; i < 12; i++) {
    const owners = made.filter(() => random.next() < 0.2)
    const ownerReferences = owners.map(({ metadata: { name, uid } }) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name,
      uid,
      blockOwnerDeletion: random.next() < 0.7,
    }))
    const metadata = { namespace: 'd', name: `o${i}`, ...(owners.length > 0 ? { ownerReferences } : {}) }
    made.push(await h.api.create(ConfigMap, { metadata }))
    model.set(`o${i}`, new Set(owners.map((o) => o.metadata.name)))
  }
  return model
}

async function observed(h: Harness): Promise<string[]> {
  const { items } = await h.api.list(ConfigMap, { namespace: 'd' })
  return items
    .map(({ metadata: { name, ownerReferences = [], finalizers = [], deletionTimestamp } }) => {
      const leaving = deletionTimestamp ? ` leaving, held by ${finalizers.join()}` : ''
      return `${name} of ${ownerReferences
        .map((r) => r.name)
        .sort()
        .join()}${leaving}`
    })
    .sort()
}

function printable(model: Model): string[] {
  return [...model].map(([name, owners]) => `${name} of ${[...owners].sort().join()}`).sort()
}
