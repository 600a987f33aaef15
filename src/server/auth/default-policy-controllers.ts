import { allow, type BindingPolicy, EVENTS, READ, type RolePolicy, role } from './policy-language.ts'
import type { PolicyRule } from './rules.ts'

/** What each of Kubernetes' control loops may do: a cluster role `system:controller:NAME` for its service account. */
const loops: readonly RolePolicy[] = [
  role(
    'attachdetach-controller',
    allow('list watch', 'core', 'persistentvolumeclaims persistentvolumes'),
    allow(READ, 'core', 'nodes'),
    allow('patch update', 'core', 'nodes/status'),
    allow('list watch', 'core', 'pods'),
    allow('create delete get list watch', 'storage.k8s.io', 'volumeattachments'),
    allow(READ, 'storage.k8s.io', 'csidrivers csinodes'),
    EVENTS,
  ),
  role(
    'certificate-controller',
    allow('delete get list watch', 'certificates.k8s.io', 'certificatesigningrequests'),
    allow(
      'update',
      'certificates.k8s.io',
      'certificatesigningrequests/approval certificatesigningrequests/status',
    ),
    allow(
      'approve sign',
      'certificates.k8s.io',
      'signers',
      'kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kube-apiserver-client kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown',
    ),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    EVENTS,
  ),
  role(
    'clusterrole-aggregation-controller',
    allow('escalate get list patch update watch', 'rbac.authorization.k8s.io', 'clusterroles'),
  ),
  role(
    'cronjob-controller',
    allow('get list update watch', 'batch', 'cronjobs'),
    allow('create delete get list patch update watch', 'batch', 'jobs'),
    allow('update', 'batch', 'cronjobs/finalizers cronjobs/status'),
    allow('delete list', 'core', 'pods'),
    EVENTS,
  ),
  role(
    'daemon-set-controller',
    allow(READ, 'apps', 'daemonsets'),
    allow('update', 'apps', 'daemonsets/finalizers daemonsets/status'),
    allow('list watch', 'core', 'nodes'),
    allow('create delete list patch watch', 'core', 'pods'),
    allow('create', 'core', 'pods/binding'),
    allow('create delete get list patch update watch', 'apps', 'controllerrevisions'),
    EVENTS,
  ),
  role(
    'deployment-controller',
    allow('get list update watch', 'apps', 'deployments'),
    allow('update', 'apps', 'deployments/finalizers deployments/status'),
    allow('create delete get list patch update watch', 'apps', 'replicasets'),
    allow('get list update watch', 'core', 'pods'),
    EVENTS,
  ),
  role(
    'disruption-controller',
    allow(READ, 'apps', 'deployments replicasets statefulsets'),
    allow(READ, 'core', 'pods replicationcontrollers'),
    allow(READ, 'policy', 'poddisruptionbudgets'),
    allow('update', 'policy', 'poddisruptionbudgets/status'),
    allow('patch update', 'core', 'pods/status'),
    allow('get', '*', '*/scale'),
    EVENTS,
  ),
  role(
    'endpoint-controller',
    allow(READ, 'core', 'pods services'),
    allow('create delete get list update', 'core', 'endpoints'),
    allow('create', 'core', 'endpoints/restricted'),
    EVENTS,
  ),
  role(
    'endpointslice-controller',
    allow(READ, 'core', 'nodes pods services'),
    allow('update', 'core', 'services/finalizers'),
    allow('create delete get list update', 'discovery.k8s.io', 'endpointslices'),
    allow('create', 'discovery.k8s.io', 'endpointslices/restricted'),
    EVENTS,
  ),
  role(
    'endpointslicemirroring-controller',
    allow(READ, 'core', 'endpoints services'),
    allow('update', 'core', 'endpoints/finalizers services/finalizers'),
    allow('create delete get list update', 'discovery.k8s.io', 'endpointslices'),
    allow('create', 'discovery.k8s.io', 'endpointslices/restricted'),
    EVENTS,
  ),
  role(
    'ephemeral-volume-controller',
    allow(READ, 'core', 'pods'),
    allow('update', 'core', 'pods/finalizers'),
    allow('create get list watch', 'core', 'persistentvolumeclaims'),
    EVENTS,
  ),
  role(
    'expand-controller',
    allow('get list patch update watch', 'core', 'persistentvolumes'),
    allow('patch update', 'core', 'persistentvolumeclaims/status'),
    allow(READ, 'core', 'persistentvolumeclaims'),
    EVENTS,
  ),
  role('generic-garbage-collector', allow('delete get list patch update watch', '*', '*'), EVENTS),
  role(
    'horizontal-pod-autoscaler',
    allow(READ, 'autoscaling', 'horizontalpodautoscalers'),
    allow('update', 'autoscaling', 'horizontalpodautoscalers/status'),
    allow('get update', '*', '*/scale'),
    allow('list', 'core', 'pods'),
    allow('list', 'metrics.k8s.io', 'pods'),
    allow('get list', 'custom.metrics.k8s.io external.metrics.k8s.io', '*'),
    EVENTS,
  ),
  role(
    'job-controller',
    allow('get list patch update watch', 'batch', 'jobs'),
    allow('update', 'batch', 'jobs/finalizers jobs/status'),
    allow('create delete list patch watch', 'core', 'pods'),
    EVENTS,
  ),
  role(
    'namespace-controller',
    allow('delete get list watch', 'core', 'namespaces'),
    allow('update', 'core', 'namespaces/finalize namespaces/status'),
    allow('delete deletecollection get list', '*', '*'),
  ),
  role(
    'node-controller',
    allow('delete get list patch update watch', 'core', 'nodes'),
    allow('patch update', 'core', 'nodes/status'),
    allow('patch update', 'core', 'pods/status'),
    allow('delete get list', 'core', 'pods'),
    EVENTS,
    allow(READ, 'coordination.k8s.io', 'leases'),
  ),
  role(
    'persistent-volume-binder',
    allow('create delete get list update watch', 'core', 'persistentvolumes'),
    allow('update', 'core', 'persistentvolumeclaims/status persistentvolumes/status'),
    allow('get list update watch', 'core', 'persistentvolumeclaims'),
    allow('create delete get list watch', 'core', 'pods'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow(READ, 'core', 'nodes'),
    allow('watch', 'core', 'events'),
    EVENTS,
  ),
  role(
    'pod-garbage-collector',
    allow('delete list watch', 'core', 'pods'),
    allow('get list watch', 'core', 'nodes'),
    allow('patch', 'core', 'pods/status'),
  ),
  role('pv-protection-controller', allow('get list update watch', 'core', 'persistentvolumes'), EVENTS),
  role(
    'pvc-protection-controller',
    allow('get list update watch', 'core', 'persistentvolumeclaims'),
    allow(READ, 'core', 'pods'),
    EVENTS,
  ),
  role(
    'replicaset-controller',
    allow('get list update watch', 'apps', 'replicasets'),
    allow('update', 'apps', 'replicasets/finalizers replicasets/status'),
    allow('create delete list patch watch', 'core', 'pods'),
    EVENTS,
  ),
  role(
    'replication-controller',
    allow('get list update watch', 'core', 'replicationcontrollers'),
    allow('update', 'core', 'replicationcontrollers/finalizers replicationcontrollers/status'),
    allow('create delete list patch watch', 'core', 'pods'),
    EVENTS,
  ),
  role(
    'resource-claim-controller',
    allow(READ, 'core', 'pods'),
    allow('update', 'core', 'pods/finalizers'),
    allow('create delete get list watch', 'resource.k8s.io', 'resourceclaims'),
    allow('patch update', 'resource.k8s.io', 'resourceclaims resourceclaims/status'),
    allow(READ, 'resource.k8s.io', 'resourceclaimtemplates'),
    allow('patch update', 'core', 'pods/status'),
    EVENTS,
  ),
  role(
    'resourcequota-controller',
    allow('list watch', '*', '*'),
    allow('update', 'core', 'resourcequotas/status'),
    EVENTS,
  ),
  role(
    'root-ca-cert-publisher',
    allow('create update list', 'core', 'configmaps'),
    allow('list', 'core', 'namespaces'),
    EVENTS,
  ),
  role(
    'route-controller',
    allow('list watch', 'core', 'nodes'),
    allow('patch', 'core', 'nodes/status'),
    EVENTS,
  ),
  role(
    'selinux-warning-controller',
    allow(READ, 'core', 'persistentvolumeclaims persistentvolumes pods'),
    allow(READ, 'storage.k8s.io', 'csidrivers'),
    EVENTS,
  ),
  role(
    'service-account-controller',
    allow('create list', 'core', 'serviceaccounts'),
    allow('list', 'core', 'namespaces'),
    EVENTS,
  ),
  role(
    'service-cidrs-controller',
    allow('get list patch update watch', 'networking.k8s.io', 'servicecidrs'),
    allow('patch update', 'networking.k8s.io', 'servicecidrs/finalizers servicecidrs/status'),
    allow(READ, 'networking.k8s.io', 'ipaddresses'),
    EVENTS,
  ),
  role(
    'service-controller',
    allow(READ, 'core', 'services'),
    allow('patch update', 'core', 'services/status'),
    allow('list watch', 'core', 'nodes'),
    EVENTS,
  ),
  role(
    'statefulset-controller',
    allow(READ, 'core', 'pods'),
    allow(READ, 'apps', 'statefulsets'),
    allow('update', 'apps', 'statefulsets/finalizers statefulsets/status'),
    allow('create delete get patch update', 'core', 'pods'),
    allow('create delete get list patch update watch', 'apps', 'controllerrevisions'),
    allow('create get', 'core', 'persistentvolumeclaims'),
    allow('delete list patch update watch', 'core', 'persistentvolumeclaims'),
    EVENTS,
  ),
  role('ttl-after-finished-controller', allow('delete get list watch', 'batch', 'jobs'), EVENTS),
  role('ttl-controller', allow('list patch update watch', 'core', 'nodes'), EVENTS),
  role(
    'validatingadmissionpolicy-status-controller',
    allow(READ, 'admissionregistration.k8s.io', 'validatingadmissionpolicies'),
    allow('get patch update', 'admissionregistration.k8s.io', 'validatingadmissionpolicies/status'),
    EVENTS,
  ),
  role(
    'legacy-service-account-token-cleaner',
    allow('get', 'core', 'configmaps', 'kube-apiserver-legacy-service-account-token-tracking'),
    allow('delete patch', 'core', 'secrets'),
  ),
]

/**
 * Our loops patch where Kubernetes' loops update, and read as themselves where those share a reader: whoever may
 * update may patch, and whoever may list may get and watch.
 */
function widened(rule: PolicyRule): PolicyRule {
  const verbs = new Set(rule.verbs)
  if (verbs.has('update')) verbs.add('patch')
  if (verbs.has('list')) verbs.add('get').add('watch')
  return verbs.size === rule.verbs.length ? rule : { ...rule, verbs: [...verbs] }
}

export const controllerRoles: readonly RolePolicy[] = loops.map((loop) => ({
  ...loop,
  name: `system:controller:${loop.name}`,
  rules: loop.rules.map(widened),
}))

export const controllerBindings: readonly BindingPolicy[] = loops.map(({ name }) => ({
  name: `system:controller:${name}`,
  role: { kind: 'ClusterRole', name: `system:controller:${name}` },
  subjects: [{ kind: 'ServiceAccount', name, namespace: 'kube-system' }],
}))
