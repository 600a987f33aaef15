import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../schema/index.ts'
import { conversions } from './conversions.ts'

const of = (group: string, version: string) =>
  conversions.find((c) => c.served.resource.group === group && c.served.resource.version === version)!
const metadata = { name: 'a', namespace: 'n', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' }

test('an event reads the same through both groups', () => {
  const { fromStorage, toStorage } = of('events.k8s.io', 'v1')
  const core = {
    kind: 'Event',
    apiVersion: 'v1',
    metadata,
    involvedObject: { kind: 'Pod', name: 'p' },
    reason: 'Started',
    message: 'it runs',
    source: { component: 'kubelet', host: 'node-1' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:01Z',
    count: 3,
    type: 'Normal',
    eventTime: null,
    reportingComponent: 'kubelet',
    reportingInstance: 'node-1',
  } as unknown as KubeObject
  const shown = fromStorage(core) as unknown as Record<string, unknown>
  assert.equal(shown.apiVersion, 'events.k8s.io/v1')
  assert.equal(shown.note, 'it runs')
  assert.deepEqual(shown.regarding, { kind: 'Pod', name: 'p' })
  assert.equal(shown.deprecatedCount, 3)
  assert.equal(shown.reportingController, 'kubelet')
  assert.ok(!('message' in shown) && !('involvedObject' in shown))
  assert.deepEqual(toStorage(shown as unknown as KubeObject), fromThere(core))
})

/** The core event as its own group would store it. */
const fromThere = (core: KubeObject) =>
  of('events.k8s.io', 'v1').toStorage(of('events.k8s.io', 'v1').fromStorage(core))

const target = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }

test('an autoscaler that is read as v1 and written back loses nothing', () => {
  const { fromStorage, toStorage } = of('autoscaling', 'v1')
  const v2 = toStorage({
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v1',
    metadata: {
      ...metadata,
      annotations: {
        keep: 'me',
        'autoscaling.alpha.kubernetes.io/metrics': JSON.stringify([
          { type: 'Resource', resource: { name: 'memory', targetAverageUtilization: 60 } },
          { type: 'Pods', pods: { metricName: 'rps', targetAverageValue: '100' } },
          { type: 'Object', object: { target, metricName: 'hits', targetValue: '2k' } },
          { type: 'External', external: { metricName: 'queue', targetAverageValue: '30' } },
        ]),
        'autoscaling.alpha.kubernetes.io/behavior': '{"ScaleDown":{"StabilizationWindowSeconds":60}}',
      },
    },
    spec: { scaleTargetRef: target, minReplicas: 2, maxReplicas: 9, targetCPUUtilizationPercentage: 70 },
    status: { currentReplicas: 2, desiredReplicas: 3, currentCPUUtilizationPercentage: 55 },
  } as unknown as KubeObject) as unknown as {
    metadata: { annotations: object }
    spec: { metrics: { type: string }[]; behavior: { scaleDown: object } }
  }
  assert.deepEqual(v2.metadata.annotations, { keep: 'me' })
  assert.deepEqual(
    v2.spec.metrics.map((m) => m.type),
    ['Resource', 'Pods', 'Object', 'External', 'Resource'],
  )
  assert.equal(
    (v2.spec.behavior.scaleDown as { stabilizationWindowSeconds: number }).stabilizationWindowSeconds,
    60,
  )
  const v1 = fromStorage(v2 as unknown as KubeObject) as unknown as {
    spec: { targetCPUUtilizationPercentage: number }
    status: { currentCPUUtilizationPercentage: number }
  }
  assert.equal(v1.spec.targetCPUUtilizationPercentage, 70)
  assert.equal(v1.status.currentCPUUtilizationPercentage, 55)
  assert.deepEqual(toStorage(v1 as unknown as KubeObject), v2)
})

test('an autoscaler without any metric aims at 80 % of CPU, and annotations that are no JSON are ignored', () => {
  const v2 = of('autoscaling', 'v1').toStorage({
    metadata: {
      ...metadata,
      annotations: {
        'autoscaling.alpha.kubernetes.io/metrics': '{',
        'autoscaling.alpha.kubernetes.io/conditions': '"x"',
      },
    },
    spec: { scaleTargetRef: target, maxReplicas: 9 },
  } as unknown as KubeObject) as unknown as { metadata: object; spec: { metrics: object[] } }
  assert.deepEqual(v2.spec.metrics, [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
  ])
  assert.ok(!('annotations' in v2.metadata))
})
