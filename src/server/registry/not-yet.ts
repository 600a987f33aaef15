import type { Kind } from '../../schema/index.ts'

const NOTHING_ACTS = 'stored, but nothing acts on them in this version'

/** Kinds that are served as Kubernetes serves them, and that no part of this version looks at. */
const NOT_YET: ReadonlyMap<string, string> = new Map([
  ['apps.v1.StatefulSet', `StatefulSets are ${NOTHING_ACTS}: no pods will run`],
  ['apps.v1.DaemonSet', `DaemonSets are ${NOTHING_ACTS}: no pods will run`],
  ['batch.v1.Job', `Jobs are ${NOTHING_ACTS}: no pods will run`],
  ['batch.v1.CronJob', `CronJobs are ${NOTHING_ACTS}: no Jobs will be made`],
  [
    'core.v1.ReplicationController',
    `ReplicationControllers are ${NOTHING_ACTS}: no pods will run (a ReplicaSet's do)`,
  ],
  [
    'autoscaling.v1.HorizontalPodAutoscaler',
    `HorizontalPodAutoscalers are ${NOTHING_ACTS}: nothing will be scaled`,
  ],
  [
    'autoscaling.v2.HorizontalPodAutoscaler',
    `HorizontalPodAutoscalers are ${NOTHING_ACTS}: nothing will be scaled`,
  ],
  ['core.v1.PersistentVolumeClaim', `PersistentVolumeClaims are ${NOTHING_ACTS}: none will be bound`],
  ['networking.v1.Ingress', `Ingresses are ${NOTHING_ACTS}: no traffic will be routed`],
  [
    'networking.v1.NetworkPolicy',
    'network policies are stored but not enforced by this version: traffic is not restricted',
  ],
  ['core.v1.ResourceQuota', 'resource quotas are stored but not enforced by this version'],
  [
    'certificates.v1.CertificateSigningRequest',
    `CertificateSigningRequests are ${NOTHING_ACTS}: none will be signed`,
  ],
  [
    'admissionregistration.v1.MutatingWebhookConfiguration',
    `webhooks are ${NOTHING_ACTS}: none will be called`,
  ],
  [
    'admissionregistration.v1.ValidatingWebhookConfiguration',
    `webhooks are ${NOTHING_ACTS}: none will be called`,
  ],
  [
    'admissionregistration.v1.MutatingAdmissionPolicy',
    `admission policies are ${NOTHING_ACTS}: nothing will be changed`,
  ],
  [
    'admissionregistration.v1.ValidatingAdmissionPolicy',
    `admission policies are ${NOTHING_ACTS}: nothing will be refused`,
  ],
])

/** What whoever creates an object of the kind is warned of; undefined for a kind that works. */
export function notYetWarning(kind: Kind): string | undefined {
  return NOT_YET.get(kind.name)
}
