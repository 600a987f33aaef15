import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice, Service } from '../../api/index.ts'
import { anEndpoint, aService, aSlice } from '../testing/objects.ts'
import { Departures, type EndpointView } from './departures.ts'

const POD = { namespace: 'default', uid: 'pod-1' }
const targetRef = { kind: 'Pod', name: 'one', ...POD }
const forever = new AbortController().signal

function view(services: readonly Service[], slices: readonly EndpointSlice[]): EndpointView {
  return {
    services: { get: ({ name }) => services.find((s) => s.metadata.name === name) },
    slices: { list: (namespace) => slices.filter((s) => s.metadata.namespace === namespace) },
  }
}

const web = aService('web', '10.96.1.1')
const sliceWith = (conditions: object) =>
  aSlice('web', [anEndpoint('10.244.0.9', {}), anEndpoint('10.244.0.8', { targetRef, conditions })])

/** Whether the wait is over, once all that is due has run. */
async function isOver(wait: Promise<void>): Promise<boolean> {
  let over = false
  void wait.then(() => {
    over = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return over
}

const views: readonly (readonly [what: string, view: EndpointView, isLetGo: boolean])[] = [
  ['a pod that no Service knows', view([], []), true],
  ['an endpoint of no pod', view([web], [aSlice('web', [anEndpoint('10.244.0.8')])]), true],
  ['a pod that is sent to', view([web], [sliceWith({ ready: true })]), false],
  ['an endpoint without conditions, which counts as ready', view([web], [sliceWith({})]), false],
  ['a pod that was not ready', view([web], [sliceWith({ ready: false, terminating: false })]), true],
  ['a pod that is known to end', view([web], [sliceWith({ ready: false, terminating: true })]), true],
  [
    'a pod that is known to end, of a Service that wants unready ones',
    view([web], [sliceWith({ ready: true, terminating: true })]),
    true,
  ],
  ['a slice whose Service is gone', view([], [sliceWith({ ready: true })]), true],
]

for (const [what, shown, isLetGo] of views) {
  test(`${what} ${isLetGo ? 'is let go' : 'is waited for'}`, async () => {
    const departures = new Departures()
    const wait = departures.wait(POD, forever)
    departures.begin(shown)()
    assert.equal(await isOver(wait), isLetGo)
  })
}

test('what is heard during a pass counts from the next one, and only when that is in the kernel', async () => {
  const departures = new Departures()
  const wait = departures.wait(POD, forever)
  assert.ok(departures.asked)
  const first = departures.begin(view([web], [sliceWith({ ready: true })]))
  assert.ok(!departures.asked)
  const second = departures.begin(view([web], [sliceWith({ ready: false, terminating: true })]))
  first()
  assert.equal(await isOver(wait), false)
  second()
  assert.equal(await isOver(wait), true)
})

test('who came after a pass began waits for the next one', async () => {
  const departures = new Departures()
  const pass = departures.begin(view([], []))
  const wait = departures.wait(POD, forever)
  pass()
  assert.equal(await isOver(wait), false)
  departures.begin(view([], []))()
  assert.equal(await isOver(wait), true)
})

test('a wait ends with its signal', async () => {
  const departures = new Departures()
  const stop = new AbortController()
  const wait = departures.wait(POD, stop.signal)
  stop.abort(new Error('enough'))
  await assert.rejects(wait, /enough/)
  await assert.rejects(departures.wait(POD, stop.signal), /enough/)
})
