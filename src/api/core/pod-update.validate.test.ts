import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../schema/index.ts'
import type { Pod } from './pod.ts'
import { validatePodStatusUpdate } from './pod-update.validate.ts'

const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }]

for (const [name, spec, container, exitCode, allowed] of [
  ['of a pod that always restarts', { restartPolicy: 'Always' }, {}, 0, true],
  ['that failed, of a pod that restarts on failure', { restartPolicy: 'OnFailure' }, {}, 1, true],
  ['that ended well, of a pod that restarts on failure', { restartPolicy: 'OnFailure' }, {}, 0, false],
  ['of a pod that never restarts', { restartPolicy: 'Never' }, {}, 1, false],
  ['that always restarts by itself', { restartPolicy: 'Never' }, { restartPolicy: 'Always' }, 0, true],
  ['that never restarts by itself', { restartPolicy: 'Always' }, { restartPolicy: 'Never' }, 1, false],
  [
    'with rules of its own',
    { restartPolicy: 'Never' },
    { restartPolicy: 'Never', restartPolicyRules: rules },
    42,
    true,
  ],
] as const) {
  for (const [list, statuses] of [
    ['containers', 'containerStatuses'],
    ['initContainers', 'initContainerStatuses'],
  ] as const) {
    test(`${list}: one ${name} ${allowed ? 'may' : 'may not'} run again after exit code ${exitCode}`, () => {
      const pod = (state: object) =>
        ({
          metadata: { name: 'p' },
          spec: { ...spec, [list]: [{ name: 'a', ...container }] },
          status: { [statuses]: [{ name: 'a', state }] },
        }) as unknown as Pod
      const problems: Problem[] = []
      validatePodStatusUpdate(problems, pod({ waiting: {} }), pod({ terminated: { exitCode } }))
      const refused = [`status.${statuses}[0].state`]
      assert.deepEqual(
        problems.map((p) => p.field),
        allowed ? [] : refused,
      )
    })
  }
}

for (const [name, ips, problems] of [
  ['one address', ['10.0.0.1'], []],
  ['one of each family', ['10.0.0.1', 'fd00::1'], []],
  ['two of one family', ['10.0.0.1', '10.0.0.2'], ['may specify no more than one IP for each IP family']],
  ['three', ['10.0.0.1', 'fd00::1', '10.0.0.2'], ['may specify no more than one IP for each IP family']],
] as const) {
  test(`a pod and its node with ${name} ${problems.length === 0 ? 'are taken' : 'are refused'}`, () => {
    const addresses = ips.map((ip) => ({ ip }))
    const status = { podIPs: addresses, podIP: ips[0], hostIPs: addresses, hostIP: ips[0] }
    const pod = { metadata: { name: 'p' }, spec: { containers: [] }, status } as unknown as Pod
    const found: Problem[] = []
    validatePodStatusUpdate(found, pod, pod)
    assert.deepEqual(
      found.map((p) => [p.field, p.detail]),
      ['status.podIPs', 'status.hostIPs'].flatMap((field) => problems.map((detail) => [field, detail])),
    )
  })
}
