import type { Pod } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import type { LocalFacts, PodFacts } from '../plan/facts.ts'
import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../runtime/runtime.ts'
import { CONTAINER_HASH, containerHash } from '../spec/labels.ts'

export const NOW = Date.UTC(2026, 10, 21, 12)

type ContainerInput = NonNullable<Input<Pod>['spec']>['containers'] extends readonly (infer C)[] | undefined
  ? C
  : never

/** A pod as the server gives it: `pod({ containers: [{ name: 'a' }], restartPolicy: 'Never' })`. */
export function pod(spec: Input<Pod>['spec'] = {}, more: { metadata?: object; status?: object } = {}): Pod {
  const filled = (list: readonly ContainerInput[] | undefined) =>
    list?.map((c) => ({ image: 'app:1', resources: {}, ...c }))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'uid-1',
      resourceVersion: '1',
      creationTimestamp: '2026-11-21T11:59:00Z',
      ...more.metadata,
    },
    spec: {
      ...spec,
      containers: filled((spec?.containers ?? [{ name: 'a' }]) as readonly ContainerInput[]),
      ...(spec?.initContainers
        ? { initContainers: filled(spec.initContainers as readonly ContainerInput[]) }
        : {}),
    },
    status: { ...more.status },
  } as unknown as Pod
}

export function sandbox(more: Partial<ObservedSandbox> = {}): ObservedSandbox {
  return { id: 's0', attempt: 0, ready: true, createdAt: NOW - 60_000, ips: ['10.1.0.5'], ...more }
}

/** `seen(p, 'a', 'exited', { exitCode: 1 })`: a container of the sandbox s0 as the runtime shows it. */
export function seen(
  p: Pod,
  name: string,
  state: ObservedContainer['state'],
  more: Partial<ObservedContainer> = {},
): ObservedContainer {
  const spec = [...(p.spec.initContainers ?? []), ...p.spec.containers].find((c) => c.name === name)
  const attempt = more.attempt ?? 0
  return {
    id: `${name}-${attempt}`,
    sandboxId: 's0',
    name,
    attempt,
    state,
    createdAt: NOW - 50_000,
    startedAt: state === 'created' ? undefined : NOW - 50_000,
    finishedAt: state === 'exited' ? NOW - 1_000 : undefined,
    exitCode: 0,
    reason: '',
    message: '',
    image: 'app:1',
    imageRef: 'sha256:abc',
    imageId: '',
    labels: {},
    logPath: '',
    ...more,
    annotations: { ...(spec ? { [CONTAINER_HASH]: containerHash(spec) } : {}), ...more.annotations },
  }
}

export function facts(
  p: Pod,
  observed: Partial<ObservedPod> = {},
  local: Partial<LocalFacts> = {},
): PodFacts {
  return {
    pod: p,
    observed: {
      uid: p.metadata.uid,
      name: p.metadata.name,
      namespace: 'default',
      sandboxes: [],
      containers: [],
      ...observed,
    },
    now: NOW,
    local: {
      inFlight: new Set(),
      failures: new Map(),
      images: new Set(
        [...(p.spec.initContainers ?? []), ...p.spec.containers].flatMap((c) =>
          [0, 1, 2, 3].map((n) => `${c.name}#${n}`),
        ),
      ),
      volumesReady: true,
      probes: () => ({ started: true, ready: true, failed: undefined }),
      resized: new Map(),
      resizeProblem: undefined,
      verdict: undefined,
      removed: false,
      terminatingSince: undefined,
      cleanedUp: false,
      startTime: NOW - 60_000,
      hostIPs: ['192.0.2.1'],
      messages: new Map(),
      ...local,
    },
  }
}
