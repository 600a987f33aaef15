import assert from 'node:assert/strict'
import { test } from 'node:test'
import { servedKinds } from '../../api/index.ts'
import { notYetWarning } from './not-yet.ts'

test('whoever creates what this version only stores is warned', () => {
  const warned = servedKinds.filter((kind) => notYetWarning(kind)).map((kind) => kind.resource.plural)
  assert.deepEqual([...new Set(warned)].sort(), [
    'certificatesigningrequests',
    'cronjobs',
    'daemonsets',
    'horizontalpodautoscalers',
    'ingresses',
    'jobs',
    'mutatingadmissionpolicies',
    'mutatingwebhookconfigurations',
    'networkpolicies',
    'persistentvolumeclaims',
    'replicationcontrollers',
    'resourcequotas',
    'statefulsets',
    'validatingadmissionpolicies',
    'validatingwebhookconfigurations',
  ])
})
