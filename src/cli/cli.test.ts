import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Deployment, Pod } from '../api/index.ts'
import { kubectlJson } from './apply.ts'
import { exitCodeOf } from './exec.ts'
import { containerOf } from './logs.ts'
import { checkManifest, inOrder, parse, readManifests } from './manifests.ts'
import { parseTargets, selectorText } from './objects.ts'
import { Progress, table } from './output.ts'
import { groupedTroubles, lookCommand, podTroubles } from './pod-trouble.ts'
import { rolloutOf } from './rollout-status.ts'
import { imagesIn } from './up-apply.ts'
import { parseWaitFor } from './wait.ts'

test('columns are as wide as their widest cell', () => {
  assert.equal(
    table([
      ['NAME', 'X'],
      ['long-name', 'y'],
    ]),
    'NAME        X\nlong-name   y\n',
  )
})

test('a table that goes on keeps its columns', () => {
  const widths: number[] = []
  table([['NAME', 'X']], widths)
  table([['long-name', 'y']], widths)
  assert.equal(table([['a', 'z']], widths), 'a           z\n')
})

test('progress is a line a step in a pipe', () => {
  let text = ''
  let now = 0
  const err = { write: (t: string) => (text += t) }
  const progress = new Progress({ out: err, err }, () => now)
  progress.begin('one')
  now = 1500
  progress.update('one: half')
  progress.end()
  progress.begin('two')
  progress.note('by the way')
  progress.fail()
  assert.equal(text, '✓ one: half (1.5 s)\nby the way\n✗ two\n')
})

const words: [string[], string[]][] = [
  [['pods'], ['Pod/']],
  [
    ['po', 'a', 'b'],
    ['Pod/a', 'Pod/b'],
  ],
  [['deploy,svc'], ['Deployment/', 'Service/']],
  [
    ['deployment/web', 'svc/api'],
    ['Deployment/web', 'Service/api'],
  ],
  [['deployments.apps'], ['Deployment/']],
]
for (const [given, expected] of words) {
  test(`"${given.join(' ')}" means ${expected.join(' and ')}`, () => {
    assert.deepEqual(
      parseTargets(given).map((t) => `${t.kind.resource.kind}/${t.name ?? ''}`),
      expected,
    )
  })
}

test('"all" means what runs an application, each kind once', () => {
  const plurals = parseTargets(['all']).map((t) => t.kind.resource.plural)
  assert.equal(new Set(plurals).size, plurals.length)
  for (const plural of ['pods', 'services', 'deployments', 'replicasets']) assert.ok(plurals.includes(plural))
})

test('the container that is meant is the one that the pod says, else its first', () => {
  let said = ''
  const terminal = { out: { write() {} }, err: { write: (text: string) => (said += text) } }
  const pod = (annotations: object, ...names: string[]) =>
    ({ metadata: { annotations }, spec: { containers: names.map((name) => ({ name })) } }) as unknown as Pod
  const saying = { 'kubectl.kubernetes.io/default-container': 'b' }
  assert.equal(containerOf(pod({}, 'a'), undefined, terminal), 'a')
  assert.equal(containerOf(pod(saying, 'a', 'b'), undefined, terminal), 'b')
  assert.equal(containerOf(pod(saying, 'a', 'b'), 'init', terminal), 'init')
  assert.equal(said, '')
  assert.equal(containerOf(pod({}, 'a', 'b'), undefined, terminal), 'a')
  assert.equal(said, 'Defaulted container "a" out of: a, b\n')
})

test('what is not a resource is named', () => {
  assert.throws(() => parseTargets(['gizmos']), /cannot find a resource type "gizmos"/)
  assert.throws(() => parseTargets(['pod/']), /expected TYPE\/NAME/)
})

test('namespaces and configuration are applied before what runs', () => {
  const texts = ['apps/v1 Deployment', 'v1 Service', 'v1 ConfigMap', 'v1 Namespace'].map((t) => {
    const [apiVersion, kind] = t.split(' ')
    return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: a }`
  })
  const kinds = inOrder(parse(texts.join('\n---\n'), 'all.yaml')).map((m) => m.kind.resource.kind)
  assert.deepEqual(kinds, ['Namespace', 'ConfigMap', 'Service', 'Deployment'])
})

const mistakes: [string, RegExp][] = [
  ['a: [', /cannot read "x.yaml": expected YAML/],
  ['- a', /expected a Kubernetes object, got a list/],
  ['kind: Pod', /expected apiVersion and kind/],
  ['apiVersion: v1\nkind: Pod', /expected metadata.name/],
  ['apiVersion: v1\nkind: Gizmo\nmetadata: { name: a }', /this cluster has no kind "Gizmo" in "v1"/],
]
for (const [text, message] of mistakes) {
  test(`refused: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parse(text, 'x.yaml'), message)
  })
}

test('an old version of a kind is refused with the one that there is', () => {
  const text = 'apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: { name: a }'
  assert.throws(
    () => parse(text, 'x.yaml'),
    /no kind "Deployment" in "extensions\/v1beta1" \(it has one in "apps\/v1"\)/,
  )
})

test('all that does not fit its type is named with its line, in files of several documents too', () => {
  const text = `# the first
apiVersion: v1
kind: ConfigMap
metadata: { name: a }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: b
spec:
  replica: 3
  template:
    spec:
      containers:
        - name: c
          ports:
            - containerPort: "80"
`
  const [first, second] = parse(text, 'x.yaml')
  checkManifest(first!)
  assert.throws(
    () => checkManifest(second!),
    (error: Error) => {
      assert.deepEqual(error.message.split('\n'), [
        'cannot use "x.yaml (document 2)": Deployment "b" is not as its type wants it:',
        '  line 11: unknown field "spec.replica"',
        '  line 17: spec.template.spec.containers[0].ports[0].containerPort: expected int32, got string "80"',
      ])
      return true
    },
  )
  assert.equal(second!.lineOf('spec.template.spec.containers[0].image'), 15)
  assert.equal(second!.lineOf('spec.selector'), 10)
  assert.equal(second!.lineOf('metadata.labels[app]'), 8)
})

test('what is remembered of an applied object is to the byte what kubectl remembers', () => {
  assert.equal(
    kubectlJson({ kind: 'A', data: { y: '<&>', x: [2, 1] } }),
    '{"data":{"x":[2,1],"y":"\\u003c\\u0026\\u003e"},"kind":"A"}',
  )
})

test('a folder gives its manifests in the order of their names, without those below it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'dhow-manifests-'))
  try {
    writeFileSync(
      join(dir, 'b.yaml'),
      'apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: Secret, metadata: { name: b } }',
    )
    writeFileSync(join(dir, 'a.json'), '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}')
    writeFileSync(join(dir, 'notes.txt'), 'no manifest')
    assert.deepEqual(
      readManifests([dir], () => '').map((m) => m.kind.resource.kind),
      ['ConfigMap', 'Secret'],
    )
    assert.throws(() => readManifests([join(dir, 'none')], () => ''), /there is no such file or folder/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('images are found wherever they are named', () => {
  assert.deepEqual(
    imagesIn({
      spec: { template: { spec: { containers: [{ image: 'a' }], initContainers: [{ image: 'b' }] } } },
    }),
    ['a', 'b'],
  )
})

const deployment = (status: object, generation = 1) =>
  ({
    metadata: { name: 'web', generation },
    spec: { replicas: 3 },
    status: { observedGeneration: 1, ...status },
  }) as unknown as Deployment

const rollouts: [object, number, string, boolean][] = [
  [{}, 2, 'Waiting for deployment spec update to be observed...', false],
  [
    { replicas: 3, updatedReplicas: 1 },
    1,
    'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
    false,
  ],
  [
    { replicas: 4, updatedReplicas: 3 },
    1,
    'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...',
    false,
  ],
  [
    { replicas: 3, updatedReplicas: 3, availableReplicas: 2 },
    1,
    'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...',
    false,
  ],
  [
    { replicas: 3, updatedReplicas: 3, availableReplicas: 3 },
    1,
    'deployment "web" successfully rolled out',
    true,
  ],
]
for (const [status, generation, text, done] of rollouts) {
  test(`a rollout says: ${text}`, () => {
    const view = rolloutOf(deployment(status, generation))
    assert.deepEqual([view.text, view.done, view.failed], [text, done, false])
  })
}

test('a rollout over its deadline has failed', () => {
  const view = rolloutOf(
    deployment({
      conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
    }),
  )
  assert.equal(view.failed, true)
})

test('the exit code of a command is passed on', () => {
  assert.equal(exitCodeOf({ status: 'Success' }), 0)
  assert.equal(
    exitCodeOf({ status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: '42' }] } }),
    42,
  )
  assert.equal(exitCodeOf({ status: 'Failure', message: 'lost' }), 1)
})

test('what to wait for is read as kubectl reads it', () => {
  const ready = { status: { conditions: [{ type: 'Ready', status: 'True' }] } } as never
  assert.equal(parseWaitFor('condition=ready')(ready), true)
  assert.equal(parseWaitFor('condition=Ready=False')(ready), false)
  assert.equal(parseWaitFor('delete')(undefined), true)
  assert.throws(() => parseWaitFor('luck'), /cannot wait for "luck"/)
})

const NOW = Date.parse('2026-01-01T00:10:00Z')
const podWith = (status: object, spec: object = { nodeName: 'node1' }, name = 'web') =>
  ({
    metadata: {
      name,
      namespace: 'shop',
      uid: name,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ownerReferences: [{ controller: true, uid: 'set' }],
    },
    spec,
    status,
  }) as unknown as Pod
const crashing = (name: string, restartCount: number) =>
  podWith(
    {
      containerStatuses: [
        {
          name: 'a',
          restartCount,
          state: { waiting: { reason: 'CrashLoopBackOff', message: `back-off 1m restarting ${name}` } },
          lastState: { terminated: { exitCode: 3, reason: 'Error' } },
        },
      ],
    },
    undefined,
    name,
  )
const unready = (since: string) =>
  podWith({
    conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: since }],
    containerStatuses: [{ name: 'a', ready: false, state: { running: {} } }],
  })

const pods: [string, Pod, string[]][] = [
  [
    'a pod that runs',
    podWith({ phase: 'Running', containerStatuses: [{ name: 'a', ready: true, state: { running: {} } }] }),
    [],
  ],
  [
    'a pod that just starts',
    podWith({ containerStatuses: [{ name: 'a', state: { waiting: { reason: 'ContainerCreating' } } }] }),
    [],
  ],
  [
    'a pod that fits nowhere',
    podWith(
      { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }] },
      {},
    ),
    ['has no node: 0/1 nodes are available'],
  ],
  [
    'an image that is not there',
    podWith({
      containerStatuses: [
        { name: 'a', state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } },
      ],
    }),
    ['container "a" gets no image: not found'],
  ],
  [
    'the same between two attempts',
    podWith({
      containerStatuses: [
        {
          name: 'a',
          state: {
            waiting: {
              reason: 'ImagePullBackOff',
              message: 'Back-off pulling image "x:1": ErrImagePull: not found',
            },
          },
        },
      ],
    }),
    ['container "a" gets no image: not found'],
  ],
  [
    'a container whose configuration is missing',
    podWith({
      containerStatuses: [
        {
          name: 'a',
          state: { waiting: { reason: 'CreateContainerConfigError', message: 'configmap "x" not found' } },
        },
      ],
    }),
    ['container "a" waits: CreateContainerConfigError: configmap "x" not found'],
  ],
  [
    'a container that ends over and over',
    crashing('web', 4),
    ['container "a" ends again and again: exit code 3, 4 restarts'],
  ],
  ['a container that is not ready', unready('2026-01-01T00:05:00Z'), ['is not ready: container "a"']],
  ['a container that was ready a moment ago', unready('2026-01-01T00:09:50Z'), []],
]
for (const [what, pod, troubles] of pods) {
  test(`status says of ${what}: ${troubles[0] ?? 'nothing'}`, () => {
    assert.deepEqual(
      podTroubles(pod, NOW, 30_000).map((t) => t.what),
      troubles,
    )
  })
}

test('what the pods of one owner have in common is told once, with the command that tells more', () => {
  const groups = groupedTroubles(
    [crashing('web-1', 4), crashing('web-2', 5), unready('2026-01-01T00:05:00Z')],
    NOW,
    30_000,
  )
  assert.deepEqual(
    groups.map((g) => `${g.whose} ${g.what}`),
    [
      'pod shop/web-1 (and 1 more like it) container "a" ends again and again: exit code 3, 4 restarts',
      'pod shop/web is not ready: container "a"',
    ],
  )
  assert.equal(lookCommand(groups[0]!, './dhow', ''), './dhow logs web-1 -c a --previous -n shop')
  assert.equal(lookCommand(groups[1]!, 'dhow', ' --name b'), 'dhow describe pod/web -n shop --name b')
})

test('a selector is written as queries want it', () => {
  assert.equal(
    selectorText({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['a', 'b'] },
        { key: 'old', operator: 'DoesNotExist' },
      ],
    }),
    'app=web,tier in (a,b),!old',
  )
})
