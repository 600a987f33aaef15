import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeMissing, MissingPackagesError, missingRequirements, type Requirement } from './packages.ts'

const requirement = (name: string, present: boolean): Requirement => ({
  what: name,
  why: 'is needed',
  package: `${name}-package`,
  isPresent: () => present,
})

test('what is missing is named with the reason and the package', () => {
  const missing = missingRequirements([
    requirement('one', true),
    requirement('two', false),
    requirement('three', false),
  ])
  assert.equal(describeMissing(missing), '  two-package    two is needed\n  three-package  three is needed')
  const error = new MissingPackagesError(missing, 'these are missing:')
  assert.deepEqual(error.packages, ['two-package', 'three-package'])
  assert.match(error.message, /install them: apt-get install two-package three-package$/)
})
