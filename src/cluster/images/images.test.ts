import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { buildImage, canonicalName, parseRecipe } from './index.ts'

const dir = mkdtempSync(join(tmpdir(), 'dhow-images-'))
after(() => rmSync(dir, { recursive: true, force: true }))
mkdirSync(join(dir, 'site/sub'), { recursive: true })
writeFileSync(join(dir, 'site/sub/run'), 'x')
chmodSync(join(dir, 'site/sub/run'), 0o755)
symlinkSync('sub/run', join(dir, 'site/link'))

const recipeOf = (image: object) => parseRecipe({ images: [image] }, 'test').images[0]!

async function untar(
  archive: Uint8Array,
): Promise<Map<string, { type: string; mode: number; uid: number; link: string; content: Buffer }>> {
  const files = new Map()
  const reader = extract()
  const done = (async () => {
    for await (const entry of reader) {
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk as Buffer)
      const { name, type, mode, uid, linkname } = entry.header
      files.set(name, { type, mode, uid, link: linkname ?? '', content: Buffer.concat(chunks) })
    }
  })()
  reader.end(Buffer.from(archive))
  await done
  return files
}

test('an image holds what its recipe names, with folders, modes, owners and links', async () => {
  const recipe = recipeOf({
    name: 'shop/web:1.0',
    files: [
      { path: '/www', from: 'site' },
      { path: '/etc/greeting', text: 'hi', mode: '0600', owner: '5:6' },
      { path: '/bin/sh', link: 'busybox' },
      { path: '/tmp', directory: true, mode: '1777' },
    ],
    entrypoint: ['/bin/sh'],
    user: '1000',
    env: { A: 'b' },
  })
  const files = await untar(await buildImage(recipe, dir))
  const index = JSON.parse(files.get('index.json')!.content.toString())
  assert.equal(index.manifests[0].annotations['io.containerd.image.name'], 'docker.io/shop/web:1.0')
  const blob = (digest: string) => files.get(`blobs/sha256/${digest.slice(7)}`)!.content
  const manifest = JSON.parse(blob(index.manifests[0].digest).toString())
  const config = JSON.parse(blob(manifest.config.digest).toString())
  assert.equal(config.config.User, '1000')
  assert.deepEqual(config.config.Env, [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'A=b',
  ])
  const layer = await untar(gunzipSync(blob(manifest.layers[0].digest)))
  assert.deepEqual(
    [...layer].map(([name, f]) => [name, f.type, f.mode.toString(8), f.uid, f.link]),
    [
      ['bin/', 'directory', '755', 0, ''],
      ['bin/sh', 'symlink', '777', 0, 'busybox'],
      ['etc/', 'directory', '755', 0, ''],
      ['etc/greeting', 'file', '600', 5, ''],
      ['tmp/', 'directory', '1777', 0, ''],
      ['www/', 'directory', '755', 0, ''],
      ['www/link', 'symlink', '777', 0, 'sub/run'],
      ['www/sub/', 'directory', '755', 0, ''],
      ['www/sub/run', 'file', '755', 0, ''],
    ],
  )
})

test('the same recipe gives the same bytes', async () => {
  const recipe = recipeOf({ name: 'a', files: [{ path: '/www', from: 'site' }] })
  assert.deepEqual(await buildImage(recipe, dir), await buildImage(recipe, dir))
})

test('nothing outside of the folder is copied by a relative path', async () => {
  await assert.rejects(
    buildImage(recipeOf({ name: 'a', files: [{ path: '/x', from: '../..' }] }), dir),
    /outside of the recipe's folder/,
  )
})

const names: [string, string][] = [
  ['web', 'docker.io/library/web:latest'],
  ['shop/web:1.0', 'docker.io/shop/web:1.0'],
  ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
  ['registry.company.com/web-app:2.1.0', 'registry.company.com/web-app:2.1.0'],
  ['docker.io/busybox:1', 'docker.io/library/busybox:1'],
  ['a@sha256:00', 'docker.io/library/a@sha256:00'],
]
for (const [short, full] of names) {
  test(`the image "${short}" is ${full}`, () => {
    assert.equal(canonicalName(short), full)
  })
}

const mistakes: [object, RegExp][] = [
  [{ images: {} }, /images: expected a list/],
  [{ images: [], more: 1 }, /the file.more: expected one of images/],
  [{ images: [{ name: 'Web', files: [] }] }, /images\[0\].name: expected an image name/],
  [
    { images: [{ name: 'a', files: [{ path: 'x', text: '' }] }] },
    /files\[0\].path: expected an absolute path/,
  ],
  [
    { images: [{ name: 'a', files: [{ path: '/../x', text: '' }] }] },
    /files\[0\].path: expected an absolute path/,
  ],
  [
    { images: [{ name: 'a', files: [{ path: '/x', text: '', link: 'y' }] }] },
    /exactly one of text, from, link, directory/,
  ],
  [
    { images: [{ name: 'a', files: [{ path: '/x', text: '', mode: '999' }] }] },
    /mode: expected an octal mode/,
  ],
  [{ images: [{ name: 'a', files: [], ports: [8080] }] }, /ports\[0\]: expected a string/],
]
for (const [value, message] of mistakes) {
  test(`a recipe is refused: ${message.source}`, () => {
    assert.throws(() => parseRecipe(value, 'images.yaml'), message)
  })
}
