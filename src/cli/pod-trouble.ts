import type { Pod } from '../api/index.ts'

/** What keeps a pod from running as it should, and where to look. */
export interface PodTrouble {
  readonly what: string
  /** What tells more: the output of a container's last run, or the pod's events; or what is missing, an image. */
  readonly see: { readonly logsOf: string } | 'events' | 'image'
}

/** None for a pod that is well, is done, or has just begun: a state counts once it has lasted for `settleMs`. */
export function podTroubles(pod: Pod, nowMs: number, settleMs: number): PodTrouble[] {
  const { status, spec, metadata } = pod
  const isNew = (since: string | undefined) =>
    nowMs - Date.parse(since ?? metadata.creationTimestamp) < settleMs
  if (metadata.deletionTimestamp || status.phase === 'Succeeded') return []
  if (status.phase === 'Failed')
    return [{ what: `failed: ${status.message ?? status.reason ?? 'see its logs'}`, see: 'events' }]
  if (isNew(metadata.creationTimestamp)) return []
  const condition = (type: string) => status.conditions?.find((c) => c.type === type)
  const scheduled = condition('PodScheduled')
  if (scheduled?.status === 'False')
    return [{ what: `has no node: ${scheduled.message ?? scheduled.reason}`, see: 'events' }]
  if (!spec.nodeName) return [{ what: 'has no node yet', see: 'events' }]
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]
  const held = statuses.flatMap((container): PodTrouble[] => heldUp(container))
  if (held.length > 0) return held
  const unready = statuses.filter((c) => c.state?.running && !c.ready).map((c) => `"${c.name}"`)
  if (unready.length === 0 || isNew(condition('Ready')?.lastTransitionTime)) return []
  return [{ what: `is not ready: container ${unready.join(', ')}`, see: 'events' }]
}

type ContainerStatus = NonNullable<Pod['status']['containerStatuses']>[number]

function heldUp({ name, state, lastState, restartCount }: ContainerStatus): PodTrouble[] {
  const { reason, message } = state?.waiting ?? {}
  if (!reason || reason === 'PodInitializing' || reason === 'ContainerCreating') return []
  const last = lastState?.terminated
  if (reason === 'CrashLoopBackOff' && last) {
    const why = last.reason && last.reason !== 'Error' ? ` (${last.reason})` : ''
    const what = `container "${name}" ends again and again: exit code ${last.exitCode}${why}, ${restartCount} restarts`
    return [{ what, see: { logsOf: name } }]
  }
  if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff') {
    // Between two attempts the kubelet says the same in more words.
    const why = (message ?? reason).replace(/^Back-off pulling image "[^"]*"(: ErrImagePull: )?/, '')
    return [{ what: `container "${name}" gets no image: ${why || message}`, see: 'image' }]
  }
  return [{ what: `container "${name}" waits: ${reason}${message ? `: ${message}` : ''}`, see: 'events' }]
}

export interface TroubleGroup extends PodTrouble {
  /** One of those that have it. */
  readonly pod: Pod
  /** `pod shop/web-1`, or `pod shop/web-1 (and 4 more like it)`. */
  readonly whose: string
  /** The same for what is the same trouble, a while later too. */
  readonly key: string
}

/** The troubles of many pods: what the pods of one owner have in common is told once. */
export function groupedTroubles(pods: readonly Pod[], nowMs: number, settleMs: number): TroubleGroup[] {
  const groups = new Map<string, { trouble: PodTrouble; pods: Pod[] }>()
  for (const pod of pods) {
    const [trouble] = podTroubles(pod, nowMs, settleMs)
    if (!trouble) continue
    const owner = pod.metadata.ownerReferences?.find((o) => o.controller)?.uid ?? pod.metadata.uid
    const key = `${owner} ${trouble.what.replace(/\d+ restarts$/, '').replaceAll(pod.metadata.name, '')}`
    const group = groups.get(key)
    if (group) group.pods.push(pod)
    else groups.set(key, { trouble, pods: [pod] })
  }
  return [...groups].map(
    ([
      key,
      {
        trouble,
        pods: [pod, ...more],
      },
    ]) => {
      const { namespace, name } = pod!.metadata
      const others = more.length > 0 ? ` (and ${more.length} more like it)` : ''
      return { ...trouble, key, pod: pod!, whose: `pod ${namespace}/${name}${others}` }
    },
  )
}

/** The command that tells more, of `dhow` as it was called. */
export function lookCommand({ pod, see }: TroubleGroup, self: string, cluster: string): string {
  const where = ` -n ${pod.metadata.namespace}${cluster}`
  if (see === 'image')
    return `name an image that a registry has, or bring it along: ${self} image import FILE${cluster}`
  if (see === 'events') return `${self} describe pod/${pod.metadata.name}${where}`
  return `${self} logs ${pod.metadata.name} -c ${see.logsOf} --previous${where}`
}
