import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { VirtualClock } from '../../base/index.ts'
import { processSpec } from '../runtime/exec-process.ts'
import { chooseSpdyProtocol } from './client-spdy.ts'
import { parseStreamRequest } from './request.ts'
import { parseSize, TerminalSizes } from './sizes.ts'
import { failure, outcomeOf, statusMessage } from './status.ts'

const where = { namespace: 'ns', pod: 'web', uid: undefined }
const none = { stdin: false, stdout: false, stderr: false, tty: false }

for (const [path, expected] of [
  [
    '/exec/ns/web/a?command=ls&command=-l&input=1&output=1&error=1',
    {
      type: 'exec',
      ...where,
      container: 'a',
      streams: { stdin: true, stdout: true, stderr: true, tty: false },
      command: ['ls', '-l'],
    },
  ],
  [
    '/exec/ns/web/uid-1/a?command=ls&output=true&error=1&tty=1',
    {
      type: 'exec',
      ...where,
      uid: 'uid-1',
      container: 'a',
      streams: { ...none, stdout: true, tty: true },
      command: ['ls'],
    },
  ],
  [
    '/attach/ns/web/a?input=1',
    { type: 'attach', ...where, container: 'a', streams: { ...none, stdin: true } },
  ],
  ['/portForward/ns/web', { type: 'portForward', ...where, ports: [] }],
  ['/portForward/ns/web?port=80&port=443', { type: 'portForward', ...where, ports: [80, 443] }],
] as const) {
  test(`${path} is understood`, () => {
    assert.deepEqual(parseStreamRequest(path), expected)
  })
}

for (const [path, status, message] of [
  ['/exec/ns/web/a?output=1', 400, /expected a command/],
  ['/exec/ns/web/a?command=ls', 400, /at least 1 of stdin, stdout, stderr/],
  ['/exec/ns//a?command=ls&output=1', 404, /expected \/exec/],
  ['/exec/ns/web/uid/a/b?command=ls&output=1', 404, /expected \/exec/],
  ['/attach/ns/web', 404, /cannot stream/],
  ['/exec/ns/web/%E0%A4%A?command=ls&output=1', 400, /cannot read path element/],
  ['/portForward/ns', 404, /cannot forward ports/],
  ['/portForward/ns/web?port=0', 400, /expected a number from 1 to 65535/],
  ['/portForward/ns/web?port=http', 400, /expected a number from 1 to 65535/],
] as const) {
  test(`${path} is refused with ${status}`, () => {
    assert.throws(() => parseStreamRequest(path), { status, message })
  })
}

test('of SPDY protocols, the first that the client offers and we know is taken', () => {
  assert.equal(
    chooseSpdyProtocol(['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v3.channel.k8s.io']),
    'v4.channel.k8s.io',
  )
  assert.equal(chooseSpdyProtocol([]), 'channel.k8s.io')
  assert.throws(() => chooseSpdyProtocol(['constructor']), /unable to negotiate protocol/)
})

test('sizes of a terminal come in any pieces; what is none is left out', () => {
  const source = new PassThrough()
  const sizes = new TerminalSizes(source)
  const seen: unknown[] = []
  sizes.follow((size) => seen.push(size))
  for (const piece of [
    '{"Wid',
    'th":80,"Height":24}\n{"Width":0,"Height":0}{"Width":',
    '132,"Height":43}',
    '}{]',
  ])
    source.emit('data', Buffer.from(piece))
  assert.deepEqual(seen, [
    { columns: 80, rows: 24 },
    { columns: 132, rows: 43 },
  ])
  assert.equal(parseSize('{"Width":70000,"Height":1}'), undefined)
})

test('a command waits for its terminal’s first size, but not long', async () => {
  const clock = new VirtualClock()
  const source = new PassThrough()
  const sizes = new TerminalSizes(source)
  const first = sizes.first(clock, 200)
  source.emit('data', Buffer.from('{"Width":80,"Height":24}'))
  assert.deepEqual(await first, { columns: 80, rows: 24 })
  const silent = new TerminalSizes(new PassThrough()).first(clock, 200)
  await clock.advance(200)
  assert.equal(await silent, undefined)
})

test('the exit code is in the status’ cause, and older protocols get the words of a failure', () => {
  assert.deepEqual(outcomeOf(0), { metadata: {}, status: 'Success' })
  assert.equal(outcomeOf(7).details?.causes[0]?.message, '7')
  assert.equal(statusMessage(JSON.stringify(outcomeOf(0))), '')
  assert.match(statusMessage(JSON.stringify(outcomeOf(7))), /exit code 7/)
  assert.equal(statusMessage(JSON.stringify(failure('no'))), 'no')
})

test('a command has the rights and the environment of its container, and a terminal its size', () => {
  const own = { args: ['init'], cwd: '/app', env: ['A=1', 'TERM=dumb'], user: { uid: 5 }, terminal: true }
  assert.deepEqual(processSpec(own, ['ls'], false), { ...own, args: ['ls'], terminal: false })
  assert.deepEqual(processSpec(own, ['ls'], true, { columns: 80, rows: 24 }), {
    ...own,
    args: ['ls'],
    env: ['A=1', 'TERM=xterm'],
    consoleSize: { width: 80, height: 24 },
  })
})
