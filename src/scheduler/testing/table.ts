import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../base/index.ts'
import { Decider } from '../decide.ts'
import { defaultPlugins } from '../plugins/index.ts'
import { podObject, snapshotOf, type TestPod } from './objects.ts'
import type { SimulatedNode } from './simulated-nodes.ts'

/** The node that was chosen, or the message. */
function decide(
  nodes: readonly SimulatedNode[],
  pods: readonly TestPod[],
  pod: TestPod,
  namespaces = {},
): string {
  const decider = new Decider(defaultPlugins, seededRandom(1))
  const decision = decider.decide(snapshotOf(nodes, pods, namespaces), podObject(pod))
  return decision.outcome === 'node' ? decision.node : decision.failure.message
}

export interface Case {
  readonly name: string
  readonly nodes: readonly SimulatedNode[]
  readonly pods?: readonly TestPod[]
  readonly pod: TestPod
  readonly namespaces?: Record<string, Record<string, string>>
  readonly expect: string
}

export function table(title: string, cases: readonly Case[]): void {
  for (const { name, nodes, pods = [], pod, namespaces, expect } of cases) {
    test(`${title}: ${name}`, () => assert.equal(decide(nodes, pods, pod, namespaces), expect))
  }
}

export const gpu = { key: 'gpu', value: 'yes', effect: 'NoSchedule' } as const
export const spec = (s: TestPod['spec']) => s!

export const affinity = (key: string, operator: string, values: string[] = []) =>
  spec({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values } as never] }],
        },
      },
    },
  })
