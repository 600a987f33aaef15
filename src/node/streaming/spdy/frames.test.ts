import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeFrame, type Frame, FrameReader, MAX_CONTROL_BYTES, SpdyError } from './frames.ts'

const block = Buffer.from('block')

/** Bytes as the format's description lays them out. */
const GOLDEN: readonly [Frame, string][] = [
  [
    {
      type: 'synStream',
      id: 1,
      associated: 0,
      priority: 3,
      fin: false,
      unidirectional: false,
      block,
    },
    '800300010000000f' + '00000001' + '00000000' + '6000' + '626c6f636b',
  ],
  [
    { type: 'synStream', id: 5, associated: 1, priority: 0, fin: true, unidirectional: true, block },
    '800300010300000f' + '00000005' + '00000001' + '0000' + '626c6f636b',
  ],
  [{ type: 'synReply', id: 1, fin: true, block }, '8003000201000009' + '00000001' + '626c6f636b'],
  [{ type: 'rst', id: 3, status: 5 }, '8003000300000008' + '00000003' + '00000005'],
  [
    { type: 'settings', entries: [{ flags: 1, id: 7, value: 65536 }] },
    '800300040000000c' + '00000001' + '01000007' + '00010000',
  ],
  [{ type: 'ping', id: 2 ** 32 - 1 }, '8003000600000004' + 'ffffffff'],
  [{ type: 'goAway', lastId: 9, status: 0 }, '8003000700000008' + '00000009' + '00000000'],
  [{ type: 'headers', id: 2, fin: false, block }, '8003000800000009' + '00000002' + '626c6f636b'],
  [{ type: 'windowUpdate', id: 1, delta: 4096 }, '8003000900000008' + '00000001' + '00001000'],
  [{ type: 'data', id: 7, fin: true, data: Buffer.from('hi') }, '00000007' + '01000002' + '6869'],
]

for (const [frame, hex] of GOLDEN) {
  test(`a frame of type ${frame.type} is written and read as laid down`, () => {
    assert.equal(encodeFrame(frame).toString('hex'), hex)
    assert.deepEqual([...new FrameReader().read(Buffer.from(hex, 'hex'))], [frame])
  })
}

test('what containerd answers is read', () => {
  const bytes = '80030002000000140000000178f9e3c6a7c26260606000000000ffff' + '0000000501000000'
  const frames = [...new FrameReader().read(Buffer.from(bytes, 'hex'))]
  assert.deepEqual(
    frames.map((f) => f.type),
    ['synReply', 'data'],
  )
})

const id = fc.integer({ min: 1, max: 2 ** 31 - 1 })
const bytes = fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b))
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constant('synStream' as const),
    id,
    associated: id,
    priority: fc.integer({ min: 0, max: 7 }),
    fin: fc.boolean(),
    unidirectional: fc.boolean(),
    block: bytes,
  }),
  fc.record({
    type: fc.constantFrom('synReply' as const, 'headers' as const),
    id,
    fin: fc.boolean(),
    block: bytes,
  }),
  fc.record({ type: fc.constant('rst' as const), id, status: uint32 }),
  fc.record({ type: fc.constant('ping' as const), id: uint32 }),
  fc.record({ type: fc.constant('goAway' as const), lastId: id, status: uint32 }),
  fc.record({ type: fc.constant('data' as const), id, fin: fc.boolean(), data: bytes }),
)

/** Pieces of one data frame as the frame that they are. */
function joined(frames: readonly Frame[]): Frame[] {
  const out: Frame[] = []
  let open: (Frame & { type: 'data' }) | undefined
  for (const frame of frames) {
    if (frame.type !== 'data') out.push(frame)
    else {
      open = { ...frame, data: Buffer.concat([open?.data ?? Buffer.alloc(0), frame.data]) }
      out[open.data.length > frame.data.length ? out.length - 1 : out.length] = open
    }
    if (frame.type !== 'data') open = undefined
  }
  return out
}

test('frames are the same however their bytes are cut', () => {
  fc.assert(
    fc.property(
      // No two data frames in a row: their pieces could not be told apart here.
      fc
        .array(anyFrame, { maxLength: 8 })
        .map((frames) => frames.flatMap((f): Frame[] => [{ ...f }, { type: 'ping', id: 1 }])),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
      (frames, cuts) => {
        const all = Buffer.concat(frames.map(encodeFrame))
        const reader = new FrameReader()
        const seen: Frame[] = []
        for (let at = 0, i = 0; at < all.length; i++) {
          const size = cuts[i % cuts.length]!
          for (const frame of reader.read(all.subarray(at, at + size))) seen.push(frame)
          at += size
        }
        assert.deepEqual(joined(seen), frames)
      },
    ),
    { numRuns: 200 },
  )
})

test('bytes of any kind give frames or an error, and little of them is kept', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
      const reader = new FrameReader()
      try {
        for (const chunk of chunks) for (const _ of reader.read(Buffer.from(chunk)));
      } catch (error) {
        assert.ok(error instanceof SpdyError, String(error))
      }
    }),
  )
})

for (const [what, hex, message] of [
  ['another version', '8002000600000004', /expected SPDY version 3, got 2/],
  ['HTTP', Buffer.from('\xc8TTP/1.1 400 Bad', 'latin1').toString('hex'), /expected SPDY version 3/],
  [
    'a control frame that is too long',
    `80030001${(MAX_CONTROL_BYTES + 1).toString(16).padStart(8, '0')}`,
    /expected at most 65536 bytes, got 65537/,
  ],
  ['a frame that is too short for its type', '800300030000000400000001', /type 3: expected 8 bytes, got 4/],
  ['settings that promise more than there is', '8003000400000004ffffffff', /type 4: expected/],
] as const) {
  test(`${what} is refused at its head`, () => {
    assert.throws(() => [...new FrameReader().read(Buffer.from(hex, 'hex'))], message)
  })
}

test('a type that nobody knows is skipped', () => {
  const unknown = Buffer.from('8003000b0000000200ff', 'hex')
  const ping = encodeFrame({ type: 'ping', id: 4 })
  assert.deepEqual([...new FrameReader().read(Buffer.concat([unknown, ping]))], [{ type: 'ping', id: 4 }])
})
