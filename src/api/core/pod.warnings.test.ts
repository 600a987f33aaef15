import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '../apps/deployment.ts'
import { strategyFor } from '../strategies.ts'
import { created } from '../validation.test-support.ts'
import { Pod } from './pod.ts'

const warningsOf = (spec: object, container: object = {}) => {
  const pod = created(Pod, {
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'c', image: 'i', ...container }], ...spec },
  } as never)
  return strategyFor(Pod).warnings(pod, undefined)
}

const cases: readonly (readonly [string, readonly string[], ...string[]])[] = [
  ['an ordinary pod', warningsOf({})],
  [
    'an old label',
    warningsOf({ nodeSelector: { 'beta.kubernetes.io/os': 'linux' } }),
    'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
  ],
  [
    'half a byte',
    warningsOf({}, { resources: { limits: { memory: '128m' } } }),
    'spec.containers[0].resources.limits[memory]: fractional byte value "128m" is invalid, must be an integer',
    'spec.containers[0].resources.requests[memory]: fractional byte value "128m" is invalid, must be an integer',
  ],
  [
    'a variable twice',
    warningsOf(
      {},
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      },
    ),
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
  ],
  [
    'a port twice',
    warningsOf({}, { ports: [{ containerPort: 80 }, { containerPort: 80 }] }),
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
  ],
  [
    'a dead volume type',
    warningsOf({ volumes: [{ name: 'v', glusterfs: { endpoints: 'e', path: 'p' } }] }),
    'spec.volumes[0].glusterfs: deprecated in v1.25, non-functional in v1.26+',
  ],
  [
    'a pull secret without name',
    warningsOf({ imagePullSecrets: [{}] }),
    'spec.imagePullSecrets[0].name: invalid empty name ""',
  ],
]

for (const [name, warnings, ...expected] of cases) {
  test(`${name} gives ${expected.length === 0 ? 'no warning' : 'its warning'}`, () =>
    assert.deepEqual(warnings, expected))
}

test('a deployment whose name makes odd host names gives a warning, once', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const made = created(Deployment, {
    metadata: { name: 'a.b' },
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  })
  const words =
    'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]'
  assert.deepEqual(strategyFor(Deployment).warnings(made, undefined), [words])
  assert.deepEqual(strategyFor(Deployment).warnings({ ...made }, made), [])
})
