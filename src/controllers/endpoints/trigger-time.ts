import type { EndpointSubset, Pod, Service } from '../../api/index.ts'
import { podCondition } from '../shared/pods.ts'

const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time'

type Annotations = Readonly<Record<string, string>>

/** The earliest moment at which one of these pods (by uid) became ready or unready; undefined: nobody noted it. */
export type Since = (uids: Iterable<string>) => string | undefined

export function sinceOf(pods: readonly Pod[]): Since {
  let byUid: ReadonlyMap<string, Pod> | undefined
  return (uids) => {
    byUid ??= new Map(pods.map((pod) => [pod.metadata.uid, pod]))
    let earliest: string | undefined
    for (const uid of uids) {
      const pod = byUid.get(uid)
      const at = pod && podCondition(pod, 'Ready')?.lastTransitionTime
      if (at && (earliest === undefined || at < earliest)) earliest = at
    }
    return earliest
  }
}

/** What is made anew tells when its Service came, or when one of its pods did later. */
export function sinceBirth({ metadata }: Service, at: string | undefined): string {
  return at !== undefined && at > metadata.creationTimestamp ? at : metadata.creationTimestamp
}

/**
 * Tells those who measure how long a change takes to reach the nodes when it happened. Only what is written anyway says
 * so: a change that no pod's readiness explains says nothing.
 */
export function withTriggerTime(annotations: Annotations | undefined, at: string | undefined): Annotations {
  const { [TRIGGER_TIME]: _, ...others } = annotations ?? {}
  return at === undefined ? others : { ...others, [TRIGGER_TIME]: at }
}

/** The pods (by uid) that come, or become ready or unready, from one state of an Endpoints object to the other. */
export function changedBetween(
  before: readonly EndpointSubset[] = [],
  after: readonly EndpointSubset[] = [],
): string[] {
  const old = readiness(before)
  return [...readiness(after)].filter(([uid, ready]) => old.get(uid) !== ready).map(([uid]) => uid)
}

function readiness(subsets: readonly EndpointSubset[]): Map<string, boolean> {
  const known = new Map<string, boolean>()
  for (const { addresses = [], notReadyAddresses = [] } of subsets) {
    for (const { targetRef } of notReadyAddresses) if (targetRef?.uid) known.set(targetRef.uid, false)
    for (const { targetRef } of addresses) if (targetRef?.uid) known.set(targetRef.uid, true)
  }
  return known
}
