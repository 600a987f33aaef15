import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/index.ts'
import type { ObservedContainer, ObservedPod } from '../runtime/runtime.ts'
import { facts, NOW, sandbox } from '../testing/pods.ts'
import type { Action, LocalFacts } from './facts.ts'
import { planPod } from './plan.ts'

/** A pod as it is found, and what is to be done. */
export interface Row {
  readonly name: string
  readonly pod: Pod
  readonly sandboxes?: ObservedPod['sandboxes']
  readonly containers?: readonly ObservedContainer[]
  readonly local?: Partial<LocalFacts>
  /** In short: `start a#1`, `kill a 30s`, … */
  readonly actions: readonly string[]
  /** Milliseconds from now. */
  readonly wakeIn?: number
  readonly terminal?: boolean
}

function short(a: Action): string {
  switch (a.do) {
    case 'createSandbox':
      return `sandbox #${a.attempt}`
    case 'stopSandbox':
      return `stop sandbox ${a.id}`
    case 'ensureImage':
      return `image ${a.container}#${a.attempt}`
    case 'startContainer':
      return `start ${a.container}#${a.attempt} then ${a.backoffMs / 1000}s`
    case 'killContainer':
      return `kill ${a.container} ${a.graceSeconds}s`
    case 'removeContainer':
      return `remove ${a.id}`
    case 'resizeContainer':
      return `resize ${a.container}`
    default:
      return a.do
  }
}

/** A test a row. */
export function run(rows: readonly Row[]): void {
  for (const row of rows) {
    test(row.name, () => {
      const plan = planPod(
        facts(
          row.pod,
          { sandboxes: row.sandboxes ?? [sandbox()], containers: row.containers ?? [] },
          row.local,
        ),
      )
      assert.deepEqual(plan.actions.map(short), row.actions)
      assert.equal(plan.wakeAt === undefined ? undefined : plan.wakeAt - NOW, row.wakeIn)
      assert.equal(plan.terminal, row.terminal ?? false)
    })
  }
}
