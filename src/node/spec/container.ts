import type { Container, Pod } from '../../api/index.ts'
import type { ContainerConfig } from '../cri/index.ts'
import type { EnvVarValue } from './env.ts'
import { expand } from './expand.ts'
import {
  BACKOFF_MS,
  CONTAINER_HASH,
  containerHash,
  containerLabels,
  containerLogPath,
  GRACE_PERIOD,
  MESSAGE_FILE,
  MESSAGE_PATH,
  MESSAGE_POLICY,
  RESOURCES,
  RESTART_COUNT,
  resourcesText,
} from './labels.ts'
import { containerResources } from './resources.ts'
import { containerSecurity, type ImageUser } from './security.ts'

export interface ContainerMount {
  readonly containerPath: string
  readonly hostPath: string
  readonly readonly: boolean
  readonly recursiveReadOnly?: boolean
  /** 0 private, 1 host to container, 2 bidirectional. */
  readonly propagation: number
}

export interface ContainerInputs {
  readonly attempt: number
  readonly backoffMs: number
  readonly imageRef: string
  readonly imageUser: ImageUser
  readonly env: readonly EnvVarValue[]
  readonly mounts: readonly ContainerMount[]
  readonly messageFile: string
  readonly machine: { readonly memoryCapacity: number; readonly cgroupVersion: 1 | 2 }
  readonly seccompRoot: string
  /** For ephemeral containers: the container whose processes they see. */
  readonly targetId?: string
}

export function containerConfig(pod: Pod, container: Container, inputs: ContainerInputs): ContainerConfig {
  const values = new Map(inputs.env.map((e) => [e.name, e.value]))
  const expanded = (texts: readonly string[] | undefined) =>
    (texts ?? []).map((t) => expand(t, (name) => values.get(name)))
  return {
    metadata: { name: container.name, attempt: inputs.attempt },
    image: { image: inputs.imageRef, userSpecifiedImage: container.image ?? '' },
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: inputs.env.map((e) => ({ key: e.name, value: e.value })),
    mounts: inputs.mounts,
    labels: containerLabels(pod, container),
    annotations: {
      [CONTAINER_HASH]: containerHash(container),
      [RESTART_COUNT]: String(inputs.attempt),
      [MESSAGE_PATH]: container.terminationMessagePath ?? '/dev/termination-log',
      [MESSAGE_POLICY]: container.terminationMessagePolicy ?? 'File',
      [MESSAGE_FILE]: inputs.messageFile,
      [BACKOFF_MS]: String(inputs.backoffMs),
      [RESOURCES]: resourcesText(container),
      [GRACE_PERIOD]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
    },
    logPath: containerLogPath(container.name, inputs.attempt),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: containerResources(pod, container, inputs.machine),
      securityContext: containerSecurity(pod, container, inputs.imageUser, {
        seccompRoot: inputs.seccompRoot,
        ...(inputs.targetId ? { targetId: inputs.targetId } : {}),
      }),
    },
  }
}
