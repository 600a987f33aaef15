import assert from 'node:assert/strict'
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Volume } from '../../api/index.ts'
import { ConfigMap, type Secret } from '../../api/index.ts'
import { seededRandom, silentLog, VirtualClock } from '../../base/index.ts'
import { eventually, MemoryApi } from '../../client/testing/index.ts'
import { linuxHost, mountlessHost } from '../host.ts'
import { NOW, pod } from '../testing/pods.ts'
import { writeAtomically } from './atomic-writer.ts'
import { type Payload, type PayloadSources, VolumeError, volumePayload } from './payload.ts'
import { References } from './references.ts'
import { bindSubPath, removeSubPaths } from './subpath.ts'
import { Tokens } from './tokens.ts'
import { Volumes } from './volumes.ts'

let dir: string
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-volumes-'))
})
after(() => rm(dir, { recursive: true, force: true }))

const payload = (files: Record<string, string>): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o640 }]))

test('a payload appears at once, changes at once, and leaves no old files', async () => {
  const target = join(dir, 'atomic')
  await mkdir(target)
  assert.equal(await writeAtomically(target, payload({ a: '1', 'deep/b': '2' }), undefined), true)
  assert.equal(await readFile(join(target, 'a'), 'utf8'), '1')
  assert.equal(await readFile(join(target, 'deep/b'), 'utf8'), '2')
  assert.equal((await stat(join(target, 'a'))).mode & 0o777, 0o640)
  assert.equal(await readlink(join(target, 'deep')), '..data/deep')
  const first = await readlink(join(target, '..data'))
  assert.equal(await writeAtomically(target, payload({ a: '1', 'deep/b': '2' }), undefined), false)
  assert.equal(await readlink(join(target, '..data')), first)
  assert.equal(await writeAtomically(target, payload({ c: '3' }), undefined), true)
  const names = (await readdir(target)).sort()
  assert.deepEqual(
    names.filter((n) => !n.startsWith('..v.')),
    ['..data', 'c'],
  )
  assert.equal(names.length, 3)
})

test('a write that was cut short is made good by the next', async () => {
  const target = join(dir, 'cut')
  await mkdir(join(target, '..v.broken'), { recursive: true })
  await symlink('..v.broken', join(target, '..data'))
  await symlink('..v.gone', join(target, '..data_tmp'))
  await symlink('..data/old', join(target, 'old'))
  await writeAtomically(target, payload({ a: '1' }), undefined)
  assert.equal(await readFile(join(target, 'a'), 'utf8'), '1')
  assert.deepEqual(
    (await readdir(target)).filter((n) => !n.startsWith('..')),
    ['a'],
  )
})

const configMap = {
  data: { a: '1', b: '2' },
  binaryData: { bin: Buffer.from([0, 255]).toString('base64') },
} as unknown as ConfigMap
const secret = { data: { key: Buffer.from('s').toString('base64') } } as unknown as Secret
const sources: PayloadSources = {
  configMap: (name) => (name === 'cm' ? configMap : undefined),
  secret: (name) => (name === 'se' ? secret : undefined),
  token: (audience, seconds) => `${audience}:${seconds}`,
  addresses: { podIPs: ['10.1.0.5'], hostIPs: ['192.0.2.1'] },
  allocatable: { cpuMilli: 4000, memoryBytes: 2 ** 30, ephemeralBytes: 0 },
}
const files = (volume: object, spec = {}): Record<string, string> =>
  Object.fromEntries(
    [...volumePayload(pod(spec), { name: 'v', ...volume } as Volume, sources)!].map(([path, f]) => [
      path,
      `${Buffer.from(f.data).toString('latin1')} ${f.mode.toString(8)}`,
    ]),
  )

for (const [name, volume, expected] of [
  [
    'all keys of a ConfigMap, binary ones too',
    { configMap: { name: 'cm' } },
    { a: '1 644', b: '2 644', bin: '\x00\xff 644' },
  ],
  [
    'chosen keys, with their own paths and modes',
    {
      configMap: {
        name: 'cm',
        defaultMode: 0o600,
        items: [
          { key: 'a', path: 'x/y' },
          { key: 'b', path: 'z', mode: 0o444 },
        ],
      },
    },
    { 'x/y': '1 600', z: '2 444' },
  ],
  ['a Secret', { secret: { secretName: 'se', defaultMode: 0o400 } }, { key: 's 400' }],
  ['an optional ConfigMap that is not there', { configMap: { name: 'no', optional: true } }, {}],
  [
    'fields and resources',
    {
      downwardAPI: {
        items: [
          { path: 'n', fieldRef: { fieldPath: 'metadata.name' } },
          { path: 'cpu', resourceFieldRef: { containerName: 'a', resource: 'limits.cpu' } },
        ],
      },
    },
    { n: 'web 644', cpu: '4 644' },
  ],
  [
    'several sources in one',
    {
      projected: {
        defaultMode: 0o440,
        sources: [
          { configMap: { name: 'cm', items: [{ key: 'a', path: 'a' }] } },
          { serviceAccountToken: { path: 't', audience: 'aud', expirationSeconds: 600 } },
        ],
      },
    },
    { a: '1 440', t: 'aud:600 440' },
  ],
] as const) {
  test(`payload: ${name}`, () => assert.deepEqual(files(volume), expected))
}

for (const [name, volume, message] of [
  ['a ConfigMap that is not there', { configMap: { name: 'no' } }, 'configmap "no" not found'],
  [
    'a key that is not there',
    { configMap: { name: 'cm', items: [{ key: 'no', path: 'p' }] } },
    'configmap references non-existent config key: no',
  ],
  [
    'a path that leads out',
    { configMap: { name: 'cm', items: [{ key: 'a', path: '../x' }] } },
    /invalid path/,
  ],
  [
    'a path that hides as the update folder',
    { configMap: { name: 'cm', items: [{ key: 'a', path: '..data' }] } },
    /invalid path/,
  ],
] as const) {
  test(`payload: ${name} is refused`, () => {
    assert.throws(
      () => files(volume),
      (e: Error) =>
        e instanceof VolumeError &&
        (typeof message === 'string' ? e.message === message : message.test(e.message)),
    )
  })
}

test('a token is readable by the only user of the pod, and by nobody else', () => {
  const volume = {
    name: 'v',
    projected: { sources: [{ serviceAccountToken: { path: 't' } }] },
  } as unknown as Volume
  const file = volumePayload(pod({ securityContext: { runAsUser: 7 } }), volume, sources)!.get('t')!
  assert.deepEqual([file.mode, file.uid], [0o600, 7])
})

test('a sub-path is mounted, made where it is missing, and never leads out of its volume', {
  skip: process.getuid?.() === 0 ? false : 'needs root',
}, async () => {
  const host = linuxHost()
  const volume = join(dir, 'volume')
  const outside = join(dir, 'outside')
  const targets = join(dir, 'targets')
  await mkdir(join(volume, 'in'), { recursive: true })
  await mkdir(outside)
  await writeFile(join(volume, 'in/file'), 'text')
  await symlink(outside, join(volume, 'evil'))
  await symlink('in', join(volume, 'fine'))
  try {
    await bindSubPath(host, volume, 'in/file', join(targets, '1'))
    assert.equal(await readFile(join(targets, '1'), 'utf8'), 'text')
    await bindSubPath(host, volume, 'new/deep', join(targets, '2'))
    assert.ok((await lstat(join(volume, 'new/deep'))).isDirectory())
    await bindSubPath(host, volume, 'fine', join(targets, '3'))
    assert.deepEqual(await readdir(join(targets, '3')), ['file'])
    await assert.rejects(bindSubPath(host, volume, 'evil', join(targets, '4')), VolumeError)
    await assert.rejects(bindSubPath(host, volume, '../outside', join(targets, '5')), VolumeError)
    await assert.rejects(bindSubPath(host, volume, 'evil/new', join(targets, '6')), VolumeError)
    assert.deepEqual(await readdir(outside), [])
    // A container that starts again gets what is there now, as after an update of a ConfigMap; also a folder for a file.
    await writeFile(join(volume, 'next'), 'new text')
    await rename(join(volume, 'next'), join(volume, 'in/file'))
    assert.equal(await readFile(join(targets, '1'), 'utf8'), 'text')
    await bindSubPath(host, volume, 'in/file', join(targets, '1'))
    assert.equal(await readFile(join(targets, '1'), 'utf8'), 'new text')
    const mounts = await host.mountsBelow(targets)
    await bindSubPath(host, volume, 'in/file', join(targets, '1'))
    assert.deepEqual(await host.mountsBelow(targets), mounts)
    await rm(join(volume, 'in/file'))
    await mkdir(join(volume, 'in/file'))
    await bindSubPath(host, volume, 'in/file', join(targets, '1'))
    assert.deepEqual(await readdir(join(targets, '1')), [])
  } finally {
    await removeSubPaths(host, targets)
  }
  assert.deepEqual(await host.mountsBelow(targets), [])
})

for (const [name, sizeLimit, limits, size] of [
  ['the node', undefined, undefined, 10_000],
  ['the pod', undefined, { memory: '4000' }, 4000],
  ['the volume', '1000', { memory: '4000' }, 1000],
  ['the pod, if the volume wants more', '8000', { memory: '4000' }, 4000],
] as const) {
  test(`a volume in memory has as much room as ${name}`, async () => {
    const mounts: (readonly string[])[] = []
    const host = { ...mountlessHost, mount: async (args: readonly string[]) => void mounts.push(args) }
    const volumes = new Volumes({ host, podsDir: join(dir, `pods-${size}`), memoryDir: dir })
    const volume = {
      name: 'v',
      emptyDir: { medium: 'Memory', ...(sizeLimit ? { sizeLimit } : {}) },
    } as Volume
    const p = pod({ containers: [{ name: 'a', resources: limits ? { limits } : {} }] } as never)
    const allocatable = { cpuMilli: 1000, memoryBytes: 10_000, ephemeralBytes: 0 }
    await volumes.setUp(p, volume, { ...sources, allocatable })
    assert.match(mounts[0]!.join(' '), new RegExp(`mode=0777,size=${size} `))
  })
}

test('a token is asked for once, renewed before it ends, and kept while the server is away', async () => {
  const clock = new VirtualClock(NOW)
  let asked = 0
  let away = false
  const api = {
    call: async () => {
      if (away) throw new Error('away')
      return {
        status: {
          token: `t${++asked}`,
          expirationTimestamp: new Date(clock.now() + 3_600_000).toISOString(),
        },
      }
    },
  } as unknown as MemoryApi
  const tokens = new Tokens({ api, clock, random: seededRandom(1) })
  const key = { audience: '', expirationSeconds: 3600 }
  assert.equal(await tokens.get(pod(), key), 't1')
  assert.equal(await tokens.get(pod(), key), 't1')
  const renewAt = tokens.renewAt('uid-1')! - NOW
  assert.ok(renewAt > 2_860_000 && renewAt <= 2_880_000, String(renewAt))
  await clock.advance(renewAt)
  away = true
  assert.equal(await tokens.get(pod(), key), 't1')
  away = false
  assert.equal(await tokens.get(pod(), key), 't2')
  away = true
  await clock.advance(3_700_000)
  await assert.rejects(tokens.get(pod(), key), /failed to fetch token: away/)
})

test('objects are watched while somebody uses them, and changes are told to who does', async () => {
  const api = new MemoryApi()
  const stop = new AbortController()
  const changed: string[] = []
  const references = new References(
    { api, clock: new VirtualClock(), random: seededRandom(1), log: silentLog, signal: stop.signal },
    (uid) => changed.push(uid),
  )
  assert.equal(await references.configMap('p1', 'default', 'c'), undefined)
  await api.create(ConfigMap, { metadata: { namespace: 'default', name: 'c' }, data: { k: '1' } })
  await eventually('the news', () => changed.includes('p1'))
  assert.equal((await references.configMap('p2', 'default', 'c'))?.data?.k, '1')
  references.release('p1')
  references.release('p2')
  changed.length = 0
  await api.patch(
    ConfigMap,
    { namespace: 'default', name: 'c' },
    { type: 'merge', body: { data: { k: '2' } } },
  )
  assert.equal((await references.configMap('p3', 'default', 'c'))?.data?.k, '2')
  assert.ok(!changed.includes('p1') && !changed.includes('p2'))
  stop.abort()
})
