import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ObservedStats } from './runtime/runtime.ts'
import { cpuUsage } from './self/machine.ts'
import { CpuRates, type NodeSample, resourceMetrics, statsSummary } from './stats.ts'
import { NOW, pod, sandbox, seen } from './testing/pods.ts'

const web = pod({ containers: [{ name: 'a' }, { name: 'b' }] })
const statsOf = (container: string, more: Partial<ObservedStats> = {}): ObservedStats => ({
  containerId: `${container}-0`,
  podUid: 'uid-1',
  podName: 'web',
  podNamespace: 'default',
  containerName: container,
  timestamp: NOW - 500,
  cpuNanoseconds: 2e9,
  memoryWorkingSetBytes: 1000,
  memoryUsageBytes: 1500,
  memoryRssBytes: 900,
  writableLayerBytes: 10,
  writableLayerInodes: 2,
  ...more,
})
const sample = (more: Partial<NodeSample> = {}): NodeSample => ({
  node: 'n1',
  now: NOW,
  machine: {
    bootedAt: NOW - 86_400_000,
    cpuNanoseconds: 5e12,
    memory: { total: 8000, free: 1000, available: 3000 },
    disk: { totalBytes: 100, usedBytes: 40, availableBytes: 50, inodes: 10, inodesFree: 4 },
    processes: 7,
    maxPid: 1000,
  },
  stats: [statsOf('a'), statsOf('b')],
  pods: [
    {
      observed: {
        uid: 'uid-1',
        name: 'web',
        namespace: 'default',
        sandboxes: [sandbox()],
        containers: [seen(web, 'a', 'running'), seen(web, 'b', 'running', { startedAt: NOW - 9_000 })],
      },
      startTime: NOW - 60_000,
    },
  ],
  ...more,
})

test('the summary tells since when the node, its pods and their containers run, and what they use', () => {
  const rates = new CpuRates()
  statsSummary(sample(), rates)
  const later = sample({
    now: NOW + 10_000,
    stats: [statsOf('a', { timestamp: NOW + 9_500, cpuNanoseconds: 3e9 }), statsOf('b')],
  })
  const { node, pods } = statsSummary(later, rates) as {
    node: { startTime: string; cpu: object; memory: object; fs: { inodesUsed: number } }
    pods: { startTime: string; containers: { startTime: string; cpu: object }[]; cpu: object }[]
  }
  assert.equal(node.startTime, '2026-11-20T12:00:00Z')
  assert.deepEqual(node.cpu, {
    time: '2026-11-21T12:00:10Z',
    usageNanoCores: 0,
    usageCoreNanoSeconds: 5e12,
  })
  assert.equal(node.fs.inodesUsed, 6)
  assert.equal(pods[0]!.startTime, '2026-11-21T11:59:00Z')
  assert.deepEqual(
    pods[0]!.containers.map((c) => c.startTime),
    ['2026-11-21T11:59:10Z', '2026-11-21T11:59:51Z'],
  )
  assert.deepEqual(pods[0]!.containers[0]!.cpu, {
    time: '2026-11-21T12:00:09Z',
    usageNanoCores: 1e8,
    usageCoreNanoSeconds: 3e9,
  })
  assert.deepEqual(pods[0]!.cpu, {
    time: '2026-11-21T12:00:10Z',
    usageNanoCores: 1e8,
    usageCoreNanoSeconds: 5e9,
  })
})

test('a container that does not run is not in the figures, nor is a pod without one', () => {
  const { observed } = sample().pods[0]!
  const gone = sample({
    pods: [{ observed: { ...observed, containers: [seen(web, 'a', 'exited')] }, startTime: NOW }],
  })
  assert.deepEqual((statsSummary(gone, new CpuRates()) as { pods: object[] }).pods, [])
  assert.doesNotMatch(resourceMetrics(gone), /^(pod|container)_/m)
})

test('the resource metrics have the lines that metrics-server reads', () => {
  const lines = resourceMetrics(sample()).split('\n')
  for (const line of [
    `node_cpu_usage_seconds_total 5000 ${NOW}`,
    `node_memory_working_set_bytes 5000 ${NOW}`,
    `container_cpu_usage_seconds_total{container="a",namespace="default",pod="web"} 2 ${NOW - 500}`,
    `container_memory_working_set_bytes{container="b",namespace="default",pod="web"} 1000 ${NOW - 500}`,
    `container_start_time_seconds{container="b",namespace="default",pod="web"} ${(NOW - 9_000) / 1000}`,
    `pod_cpu_usage_seconds_total{namespace="default",pod="web"} 4 ${NOW}`,
    `pod_memory_working_set_bytes{namespace="default",pod="web"} 2000 ${NOW}`,
    'resource_scrape_error 0',
  ])
    assert.ok(lines.includes(line), `${line} in ${lines.join('\n')}`)
})

test('figures that cannot be had are an error, not zeros', () => {
  assert.match(resourceMetrics(undefined), /^resource_scrape_error 1$/m)
  assert.doesNotMatch(resourceMetrics(undefined), /^node_/m)
})

test('the time that the processors worked is that of users, of the kernel and of interrupts', () => {
  const text = 'cpu  100 20 30 9999 500 1 2 77 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\nbtime 1795292764\n'
  assert.deepEqual(cpuUsage(text), { bootedAt: 1_795_292_764_000, cpuNanoseconds: 153e7 })
})
