import { controllerBindings, controllerRoles } from './default-policy-controllers.ts'
import {
  allow,
  type BindingPolicy,
  EVENTS,
  paths,
  READ,
  type RolePolicy,
  role,
  type SubjectPolicy,
  WRITE,
} from './policy-language.ts'

/**
 * The roles that every cluster has, and who holds them. Source: the documentation page "Using RBAC
 * Authorization" (default roles and role bindings), and what each component of Kubernetes v1.36 asks for.
 * They are made, and what is missing in them is added again, whenever the server starts.
 */
const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-'

const userRoles: readonly RolePolicy[] = [
  role('cluster-admin', allow('*', '*', '*'), paths('*', '*')),
  role(
    'system:discovery',
    paths('get', '/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/'),
  ),
  role('system:public-info-viewer', paths('get', '/healthz /livez /readyz /version /version/')),
  role(
    'system:monitoring',
    paths('get', '/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*'),
  ),
  role(
    'system:basic-user',
    allow('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    allow('create', 'authentication.k8s.io', 'selfsubjectreviews'),
  ),
  { name: 'admin', rules: [], aggregates: `${AGGREGATE}admin` },
  { name: 'edit', rules: [], aggregates: `${AGGREGATE}edit`, labels: { [`${AGGREGATE}admin`]: 'true' } },
  { name: 'view', rules: [], aggregates: `${AGGREGATE}view`, labels: { [`${AGGREGATE}edit`]: 'true' } },
  {
    name: 'system:aggregate-to-admin',
    labels: { [`${AGGREGATE}admin`]: 'true' },
    rules: [
      allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
      allow(`${READ} ${WRITE}`, 'rbac.authorization.k8s.io', 'roles rolebindings'),
    ],
  },
  {
    name: 'system:aggregate-to-edit',
    labels: { [`${AGGREGATE}edit`]: 'true' },
    rules: [
      allow(READ, 'core', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
      allow('impersonate', 'core', 'serviceaccounts'),
      allow(WRITE, 'core', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
      allow('create', 'core', 'pods/eviction serviceaccounts/token'),
      allow(
        WRITE,
        'core',
        'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
      ),
      allow(
        WRITE,
        'apps',
        'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale',
      ),
      allow(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
      allow(WRITE, 'batch', 'cronjobs jobs'),
      allow(WRITE, 'policy', 'poddisruptionbudgets'),
      allow(WRITE, 'networking.k8s.io', 'ingresses networkpolicies'),
      allow(`${READ} ${WRITE}`, 'coordination.k8s.io', 'leases'),
      allow(WRITE, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
    ],
  },
  {
    name: 'system:aggregate-to-view',
    labels: { [`${AGGREGATE}view`]: 'true' },
    rules: [
      allow(
        READ,
        'core',
        'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
      ),
      allow(
        READ,
        'core',
        'bindings events limitranges namespaces namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
      ),
      allow(READ, 'discovery.k8s.io', 'endpointslices'),
      allow(
        READ,
        'apps',
        'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
      ),
      allow(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
      allow(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
      allow(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
      allow(READ, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
      allow(READ, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
    ],
  },
]

const CSR = 'certificates.k8s.io'

const componentRoles: readonly RolePolicy[] = [
  role(
    'system:node',
    allow('create', 'authentication.k8s.io', 'tokenreviews'),
    allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews'),
    allow(READ, 'core', 'services'),
    allow('create get list watch', 'core', 'nodes'),
    allow('patch update', 'core', 'nodes nodes/status'),
    EVENTS,
    allow('get list watch create delete', 'core', 'pods'),
    allow('patch update', 'core', 'pods/status'),
    allow('create', 'core', 'pods/eviction serviceaccounts/token'),
    allow('get list watch', 'core', 'configmaps secrets'),
    allow('get', 'core', 'persistentvolumeclaims persistentvolumes'),
    allow('get patch update', 'core', 'persistentvolumeclaims/status'),
    allow('get', 'core', 'endpoints'),
    allow('create get list watch', CSR, 'certificatesigningrequests'),
    allow('get create update patch delete', 'coordination.k8s.io', 'leases'),
    allow('get', 'storage.k8s.io', 'volumeattachments'),
    allow('get create update patch delete', 'storage.k8s.io', 'csinodes'),
    allow(READ, 'storage.k8s.io', 'csidrivers'),
    allow(READ, 'node.k8s.io', 'runtimeclasses'),
    allow('get', 'resource.k8s.io', 'resourceclaims'),
    allow('get list watch create update patch delete deletecollection', 'resource.k8s.io', 'resourceslices'),
  ),
  role(
    'system:node-problem-detector',
    allow('get', 'core', 'nodes'),
    allow('patch', 'core', 'nodes/status'),
    EVENTS,
  ),
  role(
    'system:kubelet-api-admin',
    allow('get list watch', 'core', 'nodes'),
    allow('proxy', 'core', 'nodes'),
    allow(
      '*',
      'core',
      'nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/spec nodes/stats',
    ),
  ),
  role('system:node-bootstrapper', allow('create get list watch', CSR, 'certificatesigningrequests')),
  role(
    'system:auth-delegator',
    allow('create', 'authentication.k8s.io', 'tokenreviews'),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
  ),
  role('system:kube-aggregator', allow(READ, 'core', 'endpoints services')),
  role(
    'system:kube-controller-manager',
    EVENTS,
    allow('create', 'coordination.k8s.io', 'leases'),
    allow('get update', 'coordination.k8s.io', 'leases', 'kube-controller-manager'),
    allow('create', 'core', 'secrets serviceaccounts serviceaccounts/token'),
    allow('delete', 'core', 'secrets'),
    allow('get', 'core', 'configmaps namespaces secrets serviceaccounts'),
    allow('update', 'core', 'secrets serviceaccounts'),
    allow('create', 'authentication.k8s.io', 'tokenreviews'),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    allow('list watch', '*', '*'),
  ),
  role(
    'system:kube-scheduler',
    EVENTS,
    allow('create', 'coordination.k8s.io', 'leases'),
    allow('get list update watch', 'coordination.k8s.io', 'leases', 'kube-scheduler'),
    allow(READ, 'core', 'nodes'),
    allow('delete get list watch', 'core', 'pods'),
    allow('create', 'core', 'bindings pods/binding'),
    allow('patch update', 'core', 'pods/status'),
    allow(READ, 'core', 'namespaces persistentvolumes replicationcontrollers services'),
    allow('get list watch update patch', 'core', 'persistentvolumeclaims persistentvolumes'),
    allow(READ, 'apps', 'replicasets statefulsets'),
    allow(READ, 'policy', 'poddisruptionbudgets'),
    allow('create', 'authentication.k8s.io', 'tokenreviews'),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    allow(
      READ,
      'storage.k8s.io',
      'csidrivers csinodes csistoragecapacities storageclasses volumeattachments',
    ),
    allow(READ, 'resource.k8s.io', 'deviceclasses resourceclaims resourceslices'),
    allow('patch update', 'resource.k8s.io', 'resourceclaims resourceclaims/status'),
  ),
  role(
    'system:volume-scheduler',
    allow('get list patch update watch', 'core', 'persistentvolumes'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow('get list patch update watch', 'core', 'persistentvolumeclaims'),
  ),
  role(
    'system:node-proxier',
    allow('list watch', 'core', 'endpoints services'),
    allow(READ, 'core', 'nodes'),
    EVENTS,
    allow('list watch', 'discovery.k8s.io', 'endpointslices'),
    allow('list watch', 'networking.k8s.io', 'servicecidrs'),
  ),
  role('system:kube-dns', allow('list watch', 'core', 'endpoints services')),
  role('system:heapster', allow(READ, 'core', 'events namespaces nodes pods')),
  role(
    'system:persistent-volume-provisioner',
    allow('create delete get list watch', 'core', 'persistentvolumes'),
    allow('get list update watch', 'core', 'persistentvolumeclaims'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow('watch', 'core', 'events'),
    EVENTS,
  ),
  role(
    'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    allow('create', CSR, 'certificatesigningrequests/nodeclient'),
  ),
  role(
    'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    allow('create', CSR, 'certificatesigningrequests/selfnodeclient'),
  ),
  role(
    'system:certificates.k8s.io:legacy-unknown-approver',
    allow('approve', CSR, 'signers', 'kubernetes.io/legacy-unknown'),
  ),
  role(
    'system:certificates.k8s.io:kubelet-serving-approver',
    allow('approve', CSR, 'signers', 'kubernetes.io/kubelet-serving'),
  ),
  role(
    'system:certificates.k8s.io:kube-apiserver-client-approver',
    allow('approve', CSR, 'signers', 'kubernetes.io/kube-apiserver-client'),
  ),
  role(
    'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver',
    allow('approve', CSR, 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
  ),
  role(
    'system:service-account-issuer-discovery',
    paths(
      'get',
      '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
    ),
  ),
  role('system:cluster-trust-bundle-discovery', allow(READ, CSR, 'clustertrustbundles')),
]

const LEADER_VERBS = 'get list watch'

const namespaceRoles: readonly RolePolicy[] = [
  {
    namespace: 'kube-system',
    ...role(
      'extension-apiserver-authentication-reader',
      allow(READ, 'core', 'configmaps', 'extension-apiserver-authentication'),
    ),
  },
  { namespace: 'kube-system', ...role('system:controller:bootstrap-signer', allow(READ, 'core', 'secrets')) },
  {
    namespace: 'kube-system',
    ...role('system:controller:token-cleaner', allow('get list watch delete', 'core', 'secrets'), EVENTS),
  },
  {
    namespace: 'kube-system',
    ...role('system:controller:cloud-provider', allow('create get list watch', 'core', 'configmaps')),
  },
  ...['kube-controller-manager', 'kube-scheduler'].map((name) => ({
    namespace: 'kube-system',
    ...role(
      `system::leader-locking-${name}`,
      allow('watch', 'core', 'configmaps'),
      allow(`${LEADER_VERBS} update`, 'core', 'configmaps', name),
    ),
  })),
  {
    namespace: 'kube-public',
    ...role(
      'system:controller:bootstrap-signer',
      allow(READ, 'core', 'configmaps'),
      allow('update', 'core', 'configmaps', 'cluster-info'),
      EVENTS,
    ),
  },
]

const AUTHENTICATED: SubjectPolicy = { kind: 'Group', name: 'system:authenticated' }
const UNAUTHENTICATED: SubjectPolicy = { kind: 'Group', name: 'system:unauthenticated' }
const userNamed = (name: string): SubjectPolicy => ({ kind: 'User', name })
const groupNamed = (name: string): SubjectPolicy => ({ kind: 'Group', name })
const controller = (name: string): SubjectPolicy => ({
  kind: 'ServiceAccount',
  name,
  namespace: 'kube-system',
})

const bindCluster = (name: string, ...subjects: SubjectPolicy[]): BindingPolicy => ({
  name,
  role: { kind: 'ClusterRole', name },
  subjects,
})
const bindLocal = (namespace: string, name: string, ...subjects: SubjectPolicy[]): BindingPolicy => ({
  namespace,
  name,
  role: { kind: 'Role', name },
  subjects,
})

const bindings: readonly BindingPolicy[] = [
  bindCluster('cluster-admin', groupNamed('system:masters')),
  bindCluster('system:monitoring', groupNamed('system:monitoring')),
  bindCluster('system:discovery', AUTHENTICATED),
  bindCluster('system:basic-user', AUTHENTICATED),
  bindCluster('system:public-info-viewer', AUTHENTICATED, UNAUTHENTICATED),
  // The agents of the nodes are also their service proxies and their DNS servers.
  bindCluster('system:node-proxier', userNamed('system:kube-proxy'), groupNamed('system:nodes')),
  bindCluster('system:kube-controller-manager', userNamed('system:kube-controller-manager')),
  bindCluster('system:kube-dns', controller('kube-dns')),
  bindCluster('system:kube-scheduler', userNamed('system:kube-scheduler')),
  bindCluster('system:volume-scheduler', userNamed('system:kube-scheduler')),
  // Nodes get their rights from the node authorizer, which knows what runs where; the binding stays empty.
  bindCluster('system:node'),
  bindCluster('system:service-account-issuer-discovery', groupNamed('system:serviceaccounts')),
  bindCluster('system:cluster-trust-bundle-discovery', groupNamed('system:serviceaccounts')),
  bindLocal('kube-system', 'system:controller:bootstrap-signer', controller('bootstrap-signer')),
  bindLocal('kube-system', 'system:controller:token-cleaner', controller('token-cleaner')),
  bindLocal('kube-system', 'system:controller:cloud-provider', controller('cloud-provider')),
  bindLocal(
    'kube-system',
    'system::leader-locking-kube-controller-manager',
    userNamed('system:kube-controller-manager'),
    controller('kube-controller-manager'),
  ),
  bindLocal(
    'kube-system',
    'system::leader-locking-kube-scheduler',
    userNamed('system:kube-scheduler'),
    controller('kube-scheduler'),
  ),
  {
    namespace: 'kube-system',
    name: 'system::extension-apiserver-authentication-reader',
    role: { kind: 'Role', name: 'extension-apiserver-authentication-reader' },
    subjects: [userNamed('system:kube-controller-manager'), userNamed('system:kube-scheduler')],
  },
  bindLocal('kube-public', 'system:controller:bootstrap-signer', controller('bootstrap-signer')),
]

export const DEFAULT_ROLES: readonly RolePolicy[] = [
  ...userRoles,
  ...componentRoles,
  ...controllerRoles,
  ...namespaceRoles,
]
export const DEFAULT_BINDINGS: readonly BindingPolicy[] = [...bindings, ...controllerBindings]
