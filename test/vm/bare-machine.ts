import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCommand } from '../../src/cluster/index.ts'
import { kubectls } from '../e2e/harness.ts'
import { type Machine, startMachine } from './machine.ts'
import { connectToOutside } from './outside.ts'

/**
 * What the README says, done on a Debian that knows nothing of it: DHOW_VM_KERNEL boots DHOW_VM_IMAGE, the project is
 * cloned, one command runs. Then what only a machine of its own can show. See README.md.
 */
const kernel = process.env.DHOW_VM_KERNEL ?? ''
const image = process.env.DHOW_VM_IMAGE ?? ''
const SUITES = (process.env.DHOW_VM_SUITES ?? 'resources lifecycle shop streams').split(' ').filter(Boolean)
const root = join(import.meta.dirname, '..', '..')
const SHOP = 'http://10.90.0.1:30080/'

let machine: Machine

before(async () => {
  machine = await startMachine(kernel, image)
  await connectToOutside(machine)
  const dir = mkdtempSync(join(tmpdir(), 'dhow-bundle-'))
  const git = await runCommand(['git', '-C', root, 'bundle', 'create', '-q', join(dir, 'dhow'), 'HEAD'])
  assert.equal(git.exitCode, 0, git.stderr)
  await machine.put(join(dir, 'dhow'), '/root/dhow.bundle')
  rmSync(dir, { recursive: true })
  await machine.ok('git clone -q dhow.bundle dhow')
})

after(() => machine?.remove())

const status = () => machine.ok('dhow/dhow status')
const answer = () => machine.ok(`busybox wget -q -T 10 -O - ${SHOP}`)
const pids = () => machine.ok('pgrep -f [c]ontainerd-shim | sort; pgrep -f src/[c]luster/main.ts | sort')

describe('a bare machine', () => {
  test('has cgroup v2, no Node 26 and nothing else that dhow needs', async () => {
    assert.match(await machine.ok('cat /sys/fs/cgroup/cgroup.controllers'), /cpu.* memory .*pids/)
    const there = await machine.ok('which containerd runc nft iptables conntrack socat ip kubectl || true')
    assert.equal(there, '')
  })

  test('"up --no-install" names what is missing and changes nothing', async () => {
    const result = await machine.run('cd dhow && ./dhow up --no-install', { minutes: 20 })
    assert.notEqual(result.code, 0)
    assert.match(result.stderr, /libatomic1/)
    assert.equal(await machine.ok('which containerd || true'), '')
  })

  test('one command makes it a cluster with an application that answers', async () => {
    const said = await machine.ok('cd dhow && npm run up -- -f examples/shop 2>&1', { minutes: 30 })
    assert.match(said, /containerd .*runs the containers/)
    assert.ok(said.includes(SHOP), said)
    assert.match(await answer(), /Shop/)
    assert.match(await status(), /all is well/)
  })

  test('the end of the session that ran it, and systemd reading all anew, disturb nothing', async () => {
    // Each command of this test is a login session that has ended since.
    const before = await pids()
    await machine.ok('systemctl daemon-reload && systemctl daemon-reexec && systemctl restart systemd-logind')
    const stays = 'cat /sys/fs/cgroup/dhow-dhow/node1/kubepods/burstable/cgroup.controllers'
    assert.match(await machine.ok(stays), /cpu.* memory .*pids/)
    assert.equal(await pids(), before)
    assert.match(await answer(), /Shop/)
    assert.match(await status(), /all is well/)
  })

  for (const how of ['reboot', 'cutPower'] as const) {
    test(`after a ${how === 'reboot' ? 'reboot' : 'power cut'} status says what to do, and up brings all back`, async () => {
      await machine[how]()
      const { stdout, stderr } = await machine.run('dhow/dhow status')
      assert.match(stdout + stderr, /dhow up/)
      await machine.ok('cd dhow && ./dhow up', { minutes: 10 })
      const deadline = performance.now() + 180_000
      while ((await machine.run(`busybox wget -q -T 5 -O - ${SHOP}`)).code !== 0) {
        assert.ok(performance.now() < deadline, 'the shop does not answer')
      }
      assert.match(await status(), /all is well/)
    })
  }

  test('down --purge leaves nothing', async () => {
    await machine.ok('dhow/dhow down --purge')
    const left =
      'pgrep -fa "dhow/[s]rc|[c]ontainerd-shim"; ls -d /sys/fs/cgroup/dhow* /var/lib/dhow/dhow; ip -o link | grep dhow; nft list tables | grep dhow'
    assert.equal(await machine.ok(`(${left}) 2>/dev/null || true`), '')
  })

  for (const suite of SUITES) {
    test(`the end-to-end tests of ${suite} pass`, async () => {
      await machine
        .ok('[ -x /usr/local/bin/kubectl ]')
        .catch(() => machine.put(kubectls.at(-1)!, '/usr/local/bin/kubectl'))
      const command = `cd dhow && PATH=$PWD/node_modules/.bin:$PATH node --test test/e2e/${suite}.test.ts`
      await machine.ok(command, { minutes: 30 })
    })
  }
})
