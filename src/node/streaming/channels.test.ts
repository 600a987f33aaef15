import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  chooseSubprotocol,
  decodeMessage,
  EXEC_SUBPROTOCOLS,
  encodeMessage,
  PORT_SUBPROTOCOLS,
} from './channels.ts'

const named = (name: string) => EXEC_SUBPROTOCOLS.find((p) => p.name === name)!

for (const [offers, known, chosen] of [
  [['v5.channel.k8s.io'], EXEC_SUBPROTOCOLS, 'v5.channel.k8s.io'],
  [['v9.channel.k8s.io', 'v4.channel.k8s.io', 'v5.channel.k8s.io'], EXEC_SUBPROTOCOLS, 'v4.channel.k8s.io'],
  [[], EXEC_SUBPROTOCOLS, ''],
  [['base64.channel.k8s.io'], EXEC_SUBPROTOCOLS, 'base64.channel.k8s.io'],
  [['chat'], EXEC_SUBPROTOCOLS, undefined],
  [['v5.channel.k8s.io'], PORT_SUBPROTOCOLS, undefined],
] as const) {
  test(`of ${JSON.stringify(offers)}, ${JSON.stringify(chosen)} is agreed on`, () => {
    assert.equal(chooseSubprotocol(offers, known)?.name, chosen)
  })
}

for (const [protocol, message, expected] of [
  ['v4.channel.k8s.io', [0, 97, 98], { type: 'data', channel: 0, data: Buffer.from('ab') }],
  ['v4.channel.k8s.io', [], { type: 'nothing' }],
  ['v5.channel.k8s.io', [255, 0], { type: 'close', channel: 0 }],
  ['v5.channel.k8s.io', [255], { type: 'nothing' }],
  ['v4.channel.k8s.io', [255, 0], { type: 'data', channel: 255, data: Buffer.from([0]) }],
  [
    'v4.base64.channel.k8s.io',
    [...Buffer.from('4eyJ9')],
    { type: 'data', channel: 4, data: Buffer.from('{"}') },
  ],
  ['base64.channel.k8s.io', [...Buffer.from('0***')], { type: 'data', channel: 0, data: Buffer.alloc(0) }],
] as const) {
  test(`in ${protocol}, ${JSON.stringify(message)} is ${expected.type}`, () => {
    assert.deepEqual(decodeMessage(named(protocol), Buffer.from(message)), expected)
  })
}

test('messages are written as they are read', () => {
  for (const protocol of EXEC_SUBPROTOCOLS) {
    const message = encodeMessage(protocol, 1, Buffer.from([0, 255, 10]))
    assert.equal(typeof message === 'string', protocol.base64)
    assert.deepEqual(decodeMessage(protocol, Buffer.from(message as string)), {
      type: 'data',
      channel: 1,
      data: Buffer.from([0, 255, 10]),
    })
  }
})
