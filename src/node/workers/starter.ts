import { type Container, isApiError, type Pod } from '../../api/index.ts'
import type { Action } from '../plan/facts.ts'
import type { ObservedImage, ObservedPod } from '../runtime/runtime.ts'
import { containerConfig } from '../spec/container.ts'
import { containerEnv, EnvError, type EnvSources, type EnvVarValue, envReferences } from '../spec/env.ts'
import { hostsFile } from '../spec/names.ts'
import { sandboxConfig } from '../spec/sandbox.ts'
import { unsupportedContainer } from '../spec/unsupported.ts'
import { type PayloadSources, VolumeError, volumeReferences } from '../volumes/payload.ts'
import type { PodServices } from './services.ts'

type StartAction = Extract<Action, { do: 'startContainer' }>

/** A step of a start that failed, with the reason a container's status shows. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly reason: 'CreateContainerConfigError' | 'CreateContainerError' | 'RunContainerError'
  constructor(reason: StartError['reason'], cause: unknown) {
    super((cause as Error).message, { cause })
    this.reason = reason
  }
}

export const podIPsOf = (pod: Pod, observed: ObservedPod, services: PodServices): readonly string[] =>
  pod.spec.hostNetwork ? services.hostIPs : (observed.sandboxes[0]?.ips ?? [])

export function podSandboxConfig(services: PodServices, pod: Pod, attempt: number) {
  return sandboxConfig(pod, attempt, {
    naming: services.naming,
    podDir: services.volumes.podDir(pod.metadata.uid),
    cgroupParent: services.cgroups.parentOf(pod),
  })
}

/** Sets up all volumes of the pod; rejects with the first that fails, named. */
export async function setUpVolumes(
  services: PodServices,
  pod: Pod,
  podIPs: readonly string[],
): Promise<void> {
  const volumes = pod.spec.volumes ?? []
  let sources: PayloadSources
  try {
    sources = await payloadSources(services, pod, podIPs)
  } catch (error) {
    // The server cannot be reached, and all volumes are there from before: they will do.
    const cause = (error as Error).cause
    if (!isApiError(cause) && (await services.volumes.allThere(pod))) return
    throw error
  }
  await Promise.all(
    volumes.map(async (v) => {
      try {
        await services.volumes.setUp(pod, v, sources)
      } catch (error) {
        throw new VolumeError(
          `MountVolume.SetUp failed for volume "${v.name}" : ${(error as Error).message}`,
          { cause: error },
        )
      }
    }),
  )
}

/** Gets everything the payloads refer to, so that making them needs no waiting. */
async function payloadSources(
  services: PodServices,
  pod: Pod,
  podIPs: readonly string[],
): Promise<PayloadSources> {
  const { uid, namespace = '' } = pod.metadata
  const volumes = pod.spec.volumes ?? []
  const named = (name: string, error: unknown) =>
    new VolumeError(`MountVolume.SetUp failed for volume "${name}" : ${(error as Error).message}`, {
      cause: error,
    })
  const found = await Promise.all(
    volumes.map(async (v) => {
      const refs = volumeReferences([v])
      try {
        const [configMaps, secrets, tokens] = await Promise.all([
          Promise.all(
            [...refs.configMaps].map(
              async (n) => [n, await services.references.configMap(uid, namespace, n)] as const,
            ),
          ),
          Promise.all(
            [...refs.secrets].map(
              async (n) => [n, await services.references.secret(uid, namespace, n)] as const,
            ),
          ),
          Promise.all(
            refs.tokens.map(
              async (t) =>
                [`${t.audience}/${t.expirationSeconds}`, await services.tokens.get(pod, t)] as const,
            ),
          ),
        ])
        return { configMaps, secrets, tokens }
      } catch (error) {
        throw named(v.name, error)
      }
    }),
  )
  const configMaps = new Map(found.flatMap((f) => f.configMaps))
  const secrets = new Map(found.flatMap((f) => f.secrets))
  const tokens = new Map(found.flatMap((f) => f.tokens))
  return {
    configMap: (name) => configMaps.get(name),
    secret: (name) => secrets.get(name),
    token: (audience, seconds) => tokens.get(`${audience}/${seconds}`) ?? '',
    addresses: { podIPs, hostIPs: services.hostIPs },
    allocatable: services.machine.allocatable,
  }
}

async function envSources(
  services: PodServices,
  pod: Pod,
  container: Container,
  podIPs: readonly string[],
): Promise<EnvSources> {
  const { uid, namespace = '' } = pod.metadata
  const refs = envReferences(container)
  const [configMaps, secrets, visible] = await Promise.all([
    Promise.all(
      [...refs.configMaps].map(
        async (n) => [n, await services.references.configMap(uid, namespace, n)] as const,
      ),
    ),
    Promise.all(
      [...refs.secrets].map(async (n) => [n, await services.references.secret(uid, namespace, n)] as const),
    ),
    services.services(pod),
  ])
  const configMapOf = new Map(configMaps)
  const secretOf = new Map(secrets)
  return {
    configMap: (name) => configMapOf.get(name),
    secret: (name) => secretOf.get(name),
    services: visible,
    addresses: { podIPs, hostIPs: services.hostIPs },
    allocatable: services.machine.allocatable,
  }
}

/**
 * The environment of a container. What it was made from may be out of reach when the server is, though the container
 * did run before: it then gets the same again, from a copy in memory that outlives the agent.
 */
async function environmentOf(
  services: PodServices,
  pod: Pod,
  container: Container,
  podIPs: readonly string[],
): Promise<readonly EnvVarValue[]> {
  const { uid } = pod.metadata
  try {
    const env = containerEnv(pod, container, await envSources(services, pod, container, podIPs))
    await services.volumes.remember(uid, `${container.name}.env`, JSON.stringify(env))
    return env
  } catch (error) {
    if (isApiError(error) || error instanceof EnvError) throw error
    const known = await services.volumes.recall(uid, `${container.name}.env`)
    if (known === undefined) throw error
    return JSON.parse(known) as readonly EnvVarValue[]
  }
}

/** Creates and starts one container; resolves to its id. */
export async function startContainer(
  services: PodServices,
  pod: Pod,
  container: Container,
  action: StartAction,
  image: { readonly ref: string; readonly image: ObservedImage },
  observed: ObservedPod,
  created: (id: string) => void,
): Promise<string> {
  const { runtime, volumes } = services
  const podIPs = podIPsOf(pod, observed, services)
  const sandbox = podSandboxConfig(services, pod, observed.sandboxes[0]?.attempt ?? 0)
  const config = await configOf(services, pod, container, action, image, observed, podIPs).catch(
    (error: unknown) => {
      throw new StartError('CreateContainerConfigError', error)
    },
  )
  await volumes.makePodDir(pod.metadata.uid)
  return services.slots.run(async () => {
    const id = await runtime.create(action.sandboxId, config, sandbox).catch((error: unknown) => {
      throw new StartError('CreateContainerError', error)
    })
    created(id)
    await runtime.start(id).catch((error: unknown) => {
      throw new StartError('RunContainerError', error)
    })
    return id
  })
}

async function configOf(
  services: PodServices,
  pod: Pod,
  container: Container,
  action: StartAction,
  image: { readonly ref: string; readonly image: ObservedImage },
  observed: ObservedPod,
  podIPs: readonly string[],
) {
  const missing = unsupportedContainer(container)
  if (missing) throw new Error(missing)
  const env = await environmentOf(services, pod, container, podIPs)
  const values = new Map(env.map((e) => [e.name, e.value]))
  const hosts = hostsFile(pod, podIPs, services.naming)
  const mounts = await services.volumes.mounts(pod, container, values)
  const own = await services.volumes.ownFiles(pod, container, action.attempt, hosts)
  const target = (container as { targetContainerName?: string }).targetContainerName
  const targetId = target
    ? observed.containers.find((c) => c.name === target && c.state === 'running')?.id
    : undefined
  if (target && !targetId)
    throw new Error(`cannot share the processes of container "${target}": it is not running`)
  return containerConfig(pod, container, {
    attempt: action.attempt,
    backoffMs: action.backoffMs,
    imageRef: image.ref,
    imageUser: { uid: image.image.uid, username: image.image.username },
    env,
    mounts: [...mounts, ...own.mounts],
    messageFile: own.messageFile,
    machine: services.machine,
    seccompRoot: services.seccompRoot,
    ...(targetId ? { targetId } : {}),
  })
}
