import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from './database.ts'
import { failureOf, leavesDoubt } from './failures.ts'

const sqlite = (errcode: number, message: string) =>
  Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode })

describe('a failure', () => {
  const cases: [Error, 'unavailable' | 'bug', boolean, RegExp][] = [
    [
      sqlite(13, 'database or disk is full'),
      'unavailable',
      false,
      /^cannot write: the disk is full; .* \(database or/,
    ],
    [sqlite(5, 'database is locked'), 'unavailable', false, /another process has the store open/],
    [sqlite(8 | (3 << 8), 'attempt to write'), 'unavailable', false, /read-only/],
    [
      sqlite(10 | (4 << 8), 'disk I/O error'),
      'unavailable',
      true,
      /failed to read or write \(disk I\/O error\)/,
    ],
    [sqlite(11, 'database disk image is malformed'), 'unavailable', true, /damaged; stop dhow/],
    [
      Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }),
      'unavailable',
      false,
      /write: EACCES/,
    ],
    [new FormatError('another version'), 'unavailable', false, /another version/],
    [sqlite(19, 'constraint failed'), 'bug', false, /constraint failed/],
    [new TypeError('x is not a function'), 'bug', false, /x is not a function/],
  ]
  for (const [error, kind, doubt, pattern] of cases) {
    it(`"${error.message}" is ${kind}${doubt ? ' and leaves the file in doubt' : ''}`, () => {
      const failure = failureOf(error, 'write')
      assert.equal(failure.kind, kind)
      assert.match(failure.message, pattern)
      assert.equal(leavesDoubt(error), doubt)
    })
  }
})
