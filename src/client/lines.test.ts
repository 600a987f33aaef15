import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lines } from './lines.ts'

async function* chunks(...parts: (string | Buffer)[]) {
  for (const part of parts) yield Buffer.from(part)
}

async function collect(source: AsyncIterable<string>): Promise<string[]> {
  const out: string[] = []
  for await (const line of source) out.push(line)
  return out
}

test('lines come whole however the bytes are cut', async () => {
  const text = Buffer.from('{"a":"ü€"}\n{"b":2}\nrest')
  for (let cut = 1; cut < text.length; cut++) {
    const parts = await collect(lines(chunks(text.subarray(0, cut), text.subarray(cut))))
    assert.deepEqual(parts, ['{"a":"ü€"}', '{"b":2}', 'rest'])
  }
})

test('a line that never ends is refused instead of filling memory', async () => {
  await assert.rejects(collect(lines(chunks('0123456789', '0123456789'), 15)), /at most 15 bytes/)
})
