import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planHostPortCleanup } from './portmap.ts'

const own = `:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
`
const pod = (chain: string, ip: string) => `:${chain} - [0:0]
-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 80 -j ${chain}
-A ${chain} -p tcp -m tcp --dport 80 -j DNAT --to-destination ${ip}:8080
-A ${chain} -s ${ip}/32 -p tcp -j CNI-HOSTPORT-SETMARK
`

test('what no pod uses any more goes, and with it the empty table', () => {
  assert.deepEqual(planHostPortCleanup(own, '10.244.0.0/16'), {
    commands: [
      '-D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
      '-D OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
      '-F CNI-HOSTPORT-DNAT',
      '-F CNI-HOSTPORT-SETMARK',
      '-X CNI-HOSTPORT-DNAT',
      '-X CNI-HOSTPORT-SETMARK',
    ],
    isEmptyAfter: true,
  })
})

test('chains of pods that a crash left behind go first', () => {
  const { commands, isEmptyAfter } = planHostPortCleanup(own + pod('CNI-DN-a', '10.244.0.2'), '10.244.0.0/16')
  assert.deepEqual(commands.slice(0, 3), [
    '-D CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 80 -j CNI-DN-a',
    '-F CNI-DN-a',
    '-X CNI-DN-a',
  ])
  assert.equal(isEmptyAfter, true)
})

test("another cluster's pods keep theirs", () => {
  assert.deepEqual(planHostPortCleanup(own + pod('CNI-DN-b', '10.243.0.2'), '10.244.0.0/16'), {
    commands: [],
    isEmptyAfter: false,
  })
})

test('a table that somebody else uses stays', () => {
  const theirs = ':DOCKER - [0:0]\n-A PREROUTING -j DOCKER\n'
  const { commands, isEmptyAfter } = planHostPortCleanup(own + theirs, '10.244.0.0/16')
  assert.ok(commands.length > 0 && !commands.some((c) => c.includes('DOCKER')))
  assert.equal(isEmptyAfter, false)
})

test('a table without such rules is left alone', () => {
  assert.deepEqual(planHostPortCleanup(':PREROUTING ACCEPT [0:0]\n', '10.244.0.0/16'), {
    commands: [],
    isEmptyAfter: false,
  })
})
