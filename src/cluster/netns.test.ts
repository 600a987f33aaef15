import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { systemClock } from '../base/index.ts'
import { hierarchies, processesIn, removeCgroup } from './cgroups.ts'
import { attempt, run } from './exec.ts'
import { layoutOf } from './layout.ts'
import { findProgram } from './machine.ts'
import { ensureNetwork, namedNamespaces, removeNetwork } from './netns.ts'
import { newCluster } from './slots.ts'

const runnable =
  process.getuid?.() === 0 && findProgram('nft') !== undefined && findProgram('ip') !== undefined
const skip = !runnable && 'needs root, nft and ip'

/** A cluster of its own on this machine, beside whatever else runs on it: the last slot, networks from another range. */
function testLayout() {
  const name = `net${process.pid}`
  const networks = { podCidr: '10.199.0.0/16', serviceCidr: '10.198.0.0/16', nodeCidr: '10.197.0.0/24' }
  const config = newCluster({ name, nodes: 3, dataDir: `/tmp/${name}`, ...networks }, [], {
    networks: [],
    portIsFree: () => true,
  })
  return layoutOf({ ...config, slot: 90 })
}

const bridgeOf = async (name: string) => (await attempt(['ip', 'link', 'show', name])).exitCode === 0
const tables = async () =>
  (await run(['nft', 'list', 'tables'])).split('\n').filter((t) => t.includes('dhow90_'))

test('nodes of one machine reach each other, are repaired when hurt, and leave nothing behind', {
  skip,
}, async () => {
  const layout = testLayout()
  const [, second, third] = layout.nodes
  try {
    await ensureNetwork(layout)
    const addresses = await run(['ip', '-n', third!.netnsName!, '-4', '-o', 'address', 'show', 'eth0'])
    assert.match(addresses, /10\.197\.0\.3\/24/)
    assert.equal(
      (await run(['nsenter', `--net=${third!.netns}`, 'cat', '/proc/sys/net/ipv4/ip_forward'])).trim(),
      '1',
    )
    assert.equal((await tables()).length, 1)
    await run(['ip', 'link', 'delete', second!.hostLink!])
    await run(['ip', 'netns', 'delete', third!.netnsName!])
    await ensureNetwork(layout)
    await ensureNetwork(layout)
    assert.ok(namedNamespaces().includes(third!.netnsName!))
    assert.ok(await bridgeOf(second!.hostLink!))
  } finally {
    await removeNetwork(layout)
    await removeNetwork(layout)
  }
  assert.deepEqual(
    namedNamespaces().filter((n) => n.startsWith(`dhow-${layout.config.name}-`)),
    [],
  )
  assert.equal(await bridgeOf(layout.nodeBridge), false)
  assert.deepEqual(await tables(), [])
})

test('a cgroup tree goes with what runs in it', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  const name = `/dhow-test-${process.pid}`
  const root = hierarchies().find((h) => h.endsWith('/pids') || h.endsWith('/cgroup'))!
  mkdirSync(`${root}${name}/a/b`, { recursive: true })
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  writeFileSync(`${root}${name}/a/b/cgroup.procs`, String(child.pid))
  assert.deepEqual(processesIn(name), [child.pid])
  await removeCgroup(name, systemClock())
  assert.equal(await ended, 'SIGKILL')
  assert.ok(!existsSync(`${root}${name}`))
})
