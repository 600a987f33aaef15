import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keeperOf } from './cgroups.ts'

const SESSION = '/user.slice/user-0.slice/session-3.scope'

const cases: readonly [string, string, 1 | 2, string | undefined][] = [
  ['a login session of cgroup v2', `0::${SESSION}\n`, 2, SESSION],
  ['a service of cgroup v2', '0::/system.slice/runner.service\n', 2, '/system.slice/runner.service'],
  ['the root of cgroup v2, as in a container', '0::/\n', 2, undefined],
  ['a login session of cgroup v1', `9:name=systemd:${SESSION}\n8:pids:/user.slice\n0::/\n`, 1, SESSION],
  ['cgroup v1 without systemd', '9:name=systemd:/\n4:memory:/some/where\n0::/\n', 1, undefined],
  ['cgroup v1 that has no such hierarchy', '4:memory:/some/where\n', 1, undefined],
]

for (const [name, text, version, keeper] of cases) {
  test(`what keeps a process: ${name}`, () => assert.equal(keeperOf(text, version), keeper))
}
