import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, Event } from '../api/index.ts'
import { seededRandom, silentLog, VirtualClock } from '../base/index.ts'
import { EventRecorder } from './event-recorder.ts'
import { MemoryApi } from './testing/index.ts'

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name: 'web-1', uid: 'u1', resourceVersion: '7' },
}
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'u2' } }
const note = (message: string, reason = 'Pulled') => ({ type: 'Normal', reason, message }) as const

function setup() {
  const clock = new VirtualClock()
  const api = new MemoryApi({ clock })
  const recorder = new EventRecorder({
    api,
    clock,
    random: seededRandom(1),
    log: silentLog,
    component: 'kubelet',
    host: 'n1',
  })
  const events = async () => (await api.list(Event)).items
  return { clock, api, recorder, events }
}

test('an event says about what, by whom, what and when', async () => {
  const { recorder, events, clock } = setup()
  recorder.record(pod, { ...note('Pulled it'), fieldPath: 'spec.containers{c}' })
  await recorder.flush()
  const [event] = await events()
  assert.equal(event?.metadata.namespace, 'shop')
  assert.match(event!.metadata.name, /^web-1\.[0-9a-f]+$/)
  assert.deepEqual(event?.involvedObject, {
    kind: 'Pod',
    apiVersion: 'v1',
    namespace: 'shop',
    name: 'web-1',
    uid: 'u1',
    resourceVersion: '7',
    fieldPath: 'spec.containers{c}',
  })
  assert.deepEqual(event?.source, { component: 'kubelet', host: 'n1' })
  assert.deepEqual(
    [event?.type, event?.reason, event?.message, event?.count],
    ['Normal', 'Pulled', 'Pulled it', 1],
  )
  assert.equal(event?.firstTimestamp, new Date(clock.now()).toISOString().replace('.000', ''))
})

test('an event about something that is in no namespace goes to default', async () => {
  const { recorder, events } = setup()
  recorder.record(node, note('ready'))
  await recorder.flush()
  assert.equal((await events())[0]?.metadata.namespace, 'default')
})

test('the same again counts up instead of adding', async () => {
  const { recorder, events, clock } = setup()
  for (let i = 0; i < 5; i++) {
    recorder.record(pod, note('again'))
    await clock.advance(1000)
  }
  await recorder.flush()
  const all = await events()
  assert.equal(all.length, 1)
  assert.equal(all[0]?.count, 5)
  assert.notEqual(all[0]?.lastTimestamp, all[0]?.firstTimestamp)
})

test('ten different texts of one reason become one combined event', async () => {
  const { recorder, events } = setup()
  for (let i = 0; i < 15; i++) recorder.record(pod, note(`text ${i}`))
  await recorder.flush()
  const all = await events()
  assert.equal(all.length, 10)
  const combined = all.find((e) => e.message?.startsWith('(combined from similar events): '))
  assert.equal(combined?.count, 6)
  assert.equal(combined?.message, '(combined from similar events): text 14')
})

test('a source that never stops is cut to 25 and then one in five minutes', async () => {
  const { recorder, events, clock } = setup()
  for (let i = 0; i < 100; i++) recorder.record(pod, note('x', `Reason${i}`))
  await recorder.flush()
  assert.equal((await events()).length, 25)
  await clock.advance(301_000)
  for (let i = 0; i < 100; i++) recorder.record(pod, note('x', `Later${i}`))
  recorder.record(node, note('someone else'))
  await recorder.flush()
  assert.equal((await events()).length, 27)
})

test('while the server is away events wait, in order and bounded', async () => {
  const { recorder, events, clock, api } = setup()
  api.fault = () => {
    throw new ApiError('ServiceUnavailable', 'away')
  }
  for (let i = 0; i < 1500; i++)
    recorder.record({ ...pod, metadata: { ...pod.metadata, name: `p${i}`, uid: `${i}` } }, note('x'))
  await clock.advance(25_000)
  api.fault = undefined
  await clock.advance(10_000)
  await recorder.flush()
  const names = new Set((await events()).map((e) => e.involvedObject.name))
  assert.ok(names.size >= 1000 && names.size <= 1001, `${names.size} written`)
  assert.ok(names.has('p0'))
})

test('a refused event is given up at once, and the next one is written', async () => {
  const { recorder, events, clock, api } = setup()
  let first = true
  api.fault = () => {
    if (first) {
      first = false
      throw new ApiError('Forbidden', 'namespace is going away')
    }
  }
  recorder.record(pod, note('lost'))
  recorder.record(pod, note('kept', 'Other'))
  await clock.advance(0)
  assert.deepEqual(
    (await events()).map((e) => e.message),
    ['kept'],
  )
})

test('an event that has expired on the server is made anew', async () => {
  const { recorder, events, api } = setup()
  recorder.record(pod, note('again'))
  await recorder.flush()
  const [event] = await events()
  await api.delete(Event, event!.metadata)
  recorder.record(pod, note('again'))
  await recorder.flush()
  assert.deepEqual(
    (await events()).map((e) => e.count),
    [2],
  )
})
