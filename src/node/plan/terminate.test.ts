import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/index.ts'
import { facts, NOW, pod, sandbox, seen } from '../testing/pods.ts'
import type { LocalFacts, Verdict } from './facts.ts'
import { planTermination } from './terminate.ts'

const at = (ms: number) => new Date(NOW + ms).toISOString()
/** Deleted `agoMs` ago with a grace period. */
const deleted = (agoMs: number, graceSeconds: number, spec: Parameters<typeof pod>[0] = {}) => {
  const deletionTimestamp = at(graceSeconds * 1000 - agoMs)
  return pod(spec, { metadata: { deletionTimestamp, deletionGracePeriodSeconds: graceSeconds } })
}
const evicted: Verdict = { phase: 'Failed', reason: 'Evicted', message: '' }
const sidecars = {
  initContainers: [{ name: 's', restartPolicy: 'Always' as const }],
  containers: [{ name: 'a' }],
}

interface Row {
  readonly name: string
  readonly pod: Pod
  readonly live?: readonly string[]
  readonly local?: Partial<LocalFacts>
  readonly verdict?: Verdict
  /** Milliseconds from now, by container; undefined: SIGTERM is not put off. */
  readonly holds: Readonly<Record<string, number | undefined>>
}

const rows: readonly Row[] = [
  { name: 'up to half of the grace period is waited', pod: deleted(0, 30), holds: { a: 15_000 } },
  {
    name: 'the wait is counted from the deletion, not from when the agent heard of it',
    pod: deleted(10_000, 30),
    holds: { a: 5_000 },
  },
  {
    name: 'an agent that hears of it late, having started again, does not wait at all',
    pod: deleted(20_000, 30),
    holds: { a: undefined },
  },
  {
    name: 'a clock of the server that goes fast makes no wait longer than half of the time',
    pod: deleted(-60_000, 30),
    local: { terminatingSince: NOW - 4_000 },
    holds: { a: 11_000 },
  },
  {
    name: 'a grace period that was cut is halved anew',
    pod: deleted(1_000, 4),
    holds: { a: 1_000 },
  },
  {
    name: 'an object that is gone is waited for by nobody',
    pod: deleted(0, 30),
    local: { removed: true },
    holds: { a: undefined },
  },
  { name: 'a pod that nobody deleted ends at once', pod: pod(), verdict: evicted, holds: { a: undefined } },
  {
    name: 'all containers wait alike',
    pod: deleted(0, 8, { containers: [{ name: 'a' }, { name: 'b' }] }),
    live: ['a', 'b'],
    holds: { a: 4_000, b: 4_000 },
  },
  {
    name: 'sidecars come after the others and do not wait again',
    pod: deleted(0, 30, sidecars),
    live: ['s'],
    holds: { s: undefined },
  },
  {
    name: 'sidecars run while the others wait',
    pod: deleted(0, 30, sidecars),
    live: ['s', 'a'],
    holds: { a: 15_000 },
  },
]

for (const row of rows) {
  test(row.name, () => {
    const containers = (row.live ?? ['a']).map((name) => seen(row.pod, name, 'running'))
    const { actions } = planTermination(
      facts(row.pod, { sandboxes: [sandbox()], containers }, row.local),
      row.verdict,
    )
    const holds = actions.map((a) => {
      assert.equal(a.do, 'killContainer')
      const { container, holdUntil } = a as Extract<typeof a, { do: 'killContainer' }>
      return [container, holdUntil === undefined ? undefined : holdUntil - NOW]
    })
    assert.deepEqual(Object.fromEntries(holds), row.holds)
  })
}
