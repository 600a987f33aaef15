import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { EngineWrite } from '../engine.ts'
import { packCommits, unpackCommits } from './messages.ts'

const write: fc.Arbitrary<EngineWrite> = fc.record({
  key: fc.string(),
  value: fc.option(fc.uint8Array()),
  expect: fc.option(fc.nat(), { nil: undefined }),
  expiresAt: fc.option(fc.nat(), { nil: undefined }),
})

it('commits arrive in the worker as they were packed', () => {
  fc.assert(
    fc.property(fc.array(fc.array(write)), (commits) => {
      const { commits: packed, bytes } = packCommits(commits)
      const sent = structuredClone({ commits: packed, bytes }, { transfer: [bytes] })
      assert.deepEqual(plain(unpackCommits(sent)), plain(commits))
    }),
  )
})

const plain = (commits: readonly (readonly EngineWrite[])[]) =>
  commits.map((writes) => writes.map((w) => ({ ...w, value: w.value && [...w.value] })))
