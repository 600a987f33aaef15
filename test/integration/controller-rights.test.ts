import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../../src/base/index.ts'
import { builtinControllers, controllerUser, rulesOf } from '../../src/controllers/index.ts'
import { DEFAULT_BINDINGS, DEFAULT_ROLES, describeRules, missingRules } from '../../src/server/index.ts'

for (const controller of builtinControllers({
  clock: new VirtualClock(),
  rootCa: 'pem',
  podCidr: '10.244.0.0/16',
})) {
  const account = controllerUser(controller).username.split(':').at(-1)!
  test(`${account} is granted all that the controller ${controller.name} declares to read and write`, () => {
    const roles = DEFAULT_BINDINGS.filter(({ subjects }) =>
      subjects.some((subject) => subject.kind === 'ServiceAccount' && subject.name === account),
    ).map(({ role }) => role.name)
    const granted = DEFAULT_ROLES.filter(
      ({ namespace, name }) => namespace === undefined && roles.includes(name),
    ).flatMap(({ rules }) => rules)
    assert.deepEqual(describeRules(missingRules(granted, rulesOf(controller)) ?? []), [])
  })
}
