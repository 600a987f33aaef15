import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MetricStore } from './metrics.ts'

describe('the metric store', () => {
  test('writes counters and gauges as Prometheus reads them', () => {
    const store = new MetricStore({ help: { pods_total: 'Pods that were seen.' } })
    store.increment('pods_total', { phase: 'Running' })
    store.increment('pods_total', { phase: 'Running' }, 2)
    store.increment('pods_total', { phase: 'odd "one"\\\n' })
    store.set('queue_depth', {}, 7)
    store.set('queue_depth', {}, 3)
    assert.equal(
      store.text(),
      `# HELP pods_total Pods that were seen.
# TYPE pods_total counter
pods_total{phase="Running"} 3
pods_total{phase="odd \\"one\\"\\\\\\n"} 1
# HELP queue_depth queue depth
# TYPE queue_depth gauge
queue_depth 3
`,
    )
  })

  test('adds up the buckets of a histogram, the highest included', () => {
    const store = new MetricStore({ buckets: { work_seconds: [0.1, 1] } })
    for (const value of [0.05, 0.1, 0.5, 30]) store.observe('work_seconds', { name: 'a' }, value)
    assert.equal(
      store.text(),
      `# HELP work_seconds work seconds
# TYPE work_seconds histogram
work_seconds_bucket{name="a",le="0.1"} 2
work_seconds_bucket{name="a",le="1"} 3
work_seconds_bucket{name="a",le="+Inf"} 4
work_seconds_sum{name="a"} 30.65
work_seconds_count{name="a"} 4
`,
    )
  })

  test('takes labels of the same text for the same series, whichever object holds them', () => {
    const store = new MetricStore()
    const labels = { name: 'a' }
    store.increment('adds', labels)
    store.increment('adds', labels)
    store.increment('adds', { name: 'a' })
    assert.match(store.text(), /^adds\{name="a"\} 3$/m)
  })

  test('keeps a bounded number of series, and those it has go on', () => {
    const store = new MetricStore()
    for (let i = 0; i < 12_000; i++) store.increment('requests', { path: `/${i}` })
    store.increment('requests', { path: '/0' })
    const lines = store.text().split('\n')
    assert.equal(lines.filter((line) => line.startsWith('requests{')).length, 10_000)
    assert.ok(lines.includes('requests{path="/0"} 2'))
  })

  test('asks for what is looked up only when it is read, and forgets what is gone', () => {
    const store = new MetricStore()
    let counts = new Map([
      ['pods', 2],
      ['nodes', 1],
    ])
    store.onRead(() => store.replace('objects', 'resource', counts))
    assert.match(store.text(), /objects\{resource="pods"\} 2\nobjects\{resource="nodes"\} 1\n/)
    counts = new Map([['pods', 5]])
    const text = store.text()
    assert.match(text, /objects\{resource="pods"\} 5/)
    assert.doesNotMatch(text, /nodes/)
  })
})
