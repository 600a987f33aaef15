import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorText } from './error-text.ts'

test('an error is printed with its causes, each said once', () => {
  const cause = new Error('no such file', { cause: new Error('disk gone') })
  assert.equal(
    errorText(new Error('cannot read "x"', { cause })),
    'cannot read "x"\n  because: no such file\n  because: disk gone',
  )
  assert.equal(
    errorText(new Error('cannot read: no such file', { cause: new Error('no such file') })),
    'cannot read: no such file',
  )
})

test('all that is wrong with an object is printed a line a field', () => {
  const causes = [
    { field: 'spec.replicas', message: 'Invalid value: -3: must not be negative' },
    { field: 'spec.selector', message: 'Required value' },
  ]
  const text = `Deployment.apps "web" is invalid: [${causes.map((c) => `${c.field}: ${c.message}`).join(', ')}]`
  assert.equal(
    errorText(Object.assign(new Error(text), { details: { causes } })),
    'Deployment.apps "web" is invalid:\n  spec.replicas: Invalid value: -3: must not be negative\n  spec.selector: Required value',
  )
})
