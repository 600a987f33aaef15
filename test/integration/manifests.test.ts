import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Api, isApiError, Namespace } from '../../src/api/index.ts'
import { applyAll, type Manifest, readManifests } from '../../src/cli/index.ts'
import { startTestCluster, type TestCluster } from '../../src/cluster/testing/index.ts'

const root = join(import.meta.dirname, '..', '..')

let cluster: TestCluster
before(async () => {
  cluster = await startTestCluster()
})
after(() => cluster.close())

async function applyWithNamespaces(api: Api, manifests: readonly Manifest[]): Promise<string[]> {
  for (const manifest of manifests) {
    const { namespace } = manifest.object.metadata as { namespace?: string }
    if (!namespace) continue
    await api.create(Namespace, { metadata: { name: namespace } }).catch((error) => {
      if (!isApiError(error, 'AlreadyExists')) throw error
    })
  }
  const applied = await applyAll(api, manifests, 'default', () => {})
  return applied.map((a) => a.outcome)
}

const folders: [string, string, string | false][] = [
  ['fixtures', join(root, 'test/fixtures/manifests'), false],
  ['examples/web', join(root, 'examples/web'), false],
  ['examples/shop', join(root, 'examples/shop'), false],
  [
    'the manifests shared with the project',
    join(root, '../shared/manifests'),
    existsSync(join(root, '../shared/manifests')) ? false : 'that folder is not here',
  ],
]
for (const [name, folder, skip] of folders) {
  const files = skip ? [] : readdirSync(folder).filter((f) => f.endsWith('.yaml'))
  for (const file of skip ? ['all of them'] : files) {
    test(`${name}: ${file} is accepted as written, and applying it again changes nothing`, {
      skip,
    }, async () => {
      const manifests = readManifests([join(folder, file)], () => '')
      // Each folder in turn: fixed node ports would collide otherwise.
      assert.ok((await applyWithNamespaces(cluster.api, manifests)).length > 0)
      assert.deepEqual(new Set(await applyWithNamespaces(cluster.api, manifests)), new Set(['unchanged']))
    })
  }
}
