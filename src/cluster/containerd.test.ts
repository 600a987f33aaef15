import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { containerdConfig, ctr, majorVersionOf, prepareContainerd } from './containerd.ts'
import { ensurePauseImage, listImages } from './images/index.ts'
import { type ClusterConfig, layoutOf, type NodeLayout, PAUSE_IMAGE } from './layout.ts'
import { cniBinDir, findProgram, hasCapability, lacksSysResource } from './machine.ts'
import { unmountBelow } from './mounts.ts'
import { newCluster } from './slots.ts'

const options = { majorVersion: 1, cniBinDir: '/usr/lib/cni', restrictOomScore: true }

function nodeIn(dataDir: string): NodeLayout {
  const config: ClusterConfig = newCluster({ name: 'containerd-test', dataDir }, [], {
    networks: [],
    portIsFree: () => true,
  })
  return layoutOf(config).nodes[0]!
}

test('containerd 1 and 2 are told the same in their own words', () => {
  const { containerd } = nodeIn('/data')
  const one = containerdConfig(containerd, options)
  assert.match(one, /^version = 2$/m)
  assert.match(one, /^sandbox_image = "dhow.local\/pause:1"$/m)
  const two = containerdConfig(containerd, { ...options, majorVersion: 2 })
  assert.match(two, /^version = 3$/m)
  assert.match(two, /^sandbox = "dhow.local\/pause:1"$/m)
  for (const text of [one, two]) {
    assert.match(text, /^conf_dir = "\/data\/nodes\/node1\/containerd\/cni"$/m)
    assert.match(text, /^restrict_oom_score_adj = true$/m)
    assert.match(text, /^SystemdCgroup = false$/m)
  }
})

test('the version of containerd is read from what it prints', () => {
  assert.equal(
    majorVersionOf('containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3'),
    1,
  )
  assert.equal(majorVersionOf('containerd github.com/containerd/containerd/v2 v2.0.1 88aa2f5'), 2)
  assert.throws(() => majorVersionOf('nonsense'), /cannot read the version/)
})

test('a capability is read from the mask of the kernel', () => {
  assert.equal(hasCapability('Name:\tx\nCapEff:\t000001fffeffffff\n', 24n), false)
  assert.equal(hasCapability('Name:\tx\nCapEff:\t000001ffffffffff\n', 24n), true)
})

const runnable =
  process.getuid?.() === 0 &&
  findProgram('containerd') !== undefined &&
  findProgram('catatonit') !== undefined

test('a private containerd takes the pause image', {
  skip: !runnable && 'needs root, containerd and catatonit',
}, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'dhow-ctd-'))
  const { containerd } = nodeIn(dataDir)
  await prepareContainerd(containerd, {
    ...options,
    cniBinDir: cniBinDir() ?? '/usr/lib/cni',
    restrictOomScore: lacksSysResource(),
  })
  await assert.rejects(
    ctr(containerd.socket, ['images', 'list']),
    /cannot reach containerd at .*: it does not run/,
  )
  const child = spawn(findProgram('containerd')!, ['--config', containerd.config], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    const deadline = performance.now() + 15_000
    while ((await ctr(containerd.socket, ['version']).catch(() => '')) === '') {
      if (performance.now() > deadline) throw new Error('containerd did not answer within 15 s')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await ensurePauseImage(containerd)
    await ensurePauseImage(containerd)
    assert.deepEqual(await listImages(containerd), [PAUSE_IMAGE])
  } finally {
    child.kill('SIGTERM')
    await ended
    await unmountBelow(dataDir)
    rmSync(dataDir, { recursive: true, force: true })
  }
})
