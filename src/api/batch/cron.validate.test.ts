import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scheduleProblem } from './cron.validate.ts'

const cases: readonly (readonly [string, string | undefined])[] = [
  ['* * * * *', undefined],
  ['*/5 0-6,22 1,15 JAN-MAR mon-fri', undefined],
  ['0 0 ? * 0', undefined],
  ['@daily', undefined],
  ['@every 1h30m', undefined],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['a * * * *', 'failed to parse int from a'],
  ['@often', 'unrecognized descriptor: @often'],
]

for (const [schedule, problem] of cases) {
  test(`the schedule "${schedule}" is ${problem ? 'refused' : 'fine'}`, () =>
    assert.equal(scheduleProblem(schedule), problem))
}
