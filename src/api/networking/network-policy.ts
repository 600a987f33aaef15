import {
  always,
  int32,
  intOrString,
  kind,
  listOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  typeMeta,
} from '../../schema/index.ts'
import { Protocol } from '../core/common.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

export const PolicyType = oneOf('Ingress', 'Egress')
export type PolicyType = TypeOf<typeof PolicyType>

const networkPolicyFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => NetworkPolicySpec),
} as const

export interface NetworkPolicy extends Shape<typeof networkPolicyFields> {}
export const NetworkPolicy = kind<NetworkPolicy>('networking.v1.NetworkPolicy', networkPolicyFields, {
  doc: 'Which traffic selected pods may receive and send.',
  group: 'networking.k8s.io',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
})

const networkPolicySpecFields = {
  podSelector: always(1, () => LabelSelector),
  ingress: opt(
    2,
    listOf(() => NetworkPolicyIngressRule),
  ),
  egress: opt(
    3,
    listOf(() => NetworkPolicyEgressRule),
  ),
  policyTypes: opt(4, listOf(PolicyType)),
} as const

export interface NetworkPolicySpec extends Shape<typeof networkPolicySpecFields> {}
export const NetworkPolicySpec = struct<NetworkPolicySpec>(
  'networking.v1.NetworkPolicySpec',
  networkPolicySpecFields,
)

const networkPolicyIngressRuleFields = {
  ports: opt(
    1,
    listOf(() => NetworkPolicyPort),
  ),
  from: opt(
    2,
    listOf(() => NetworkPolicyPeer),
  ),
} as const

export interface NetworkPolicyIngressRule extends Shape<typeof networkPolicyIngressRuleFields> {}
export const NetworkPolicyIngressRule = struct<NetworkPolicyIngressRule>(
  'networking.v1.NetworkPolicyIngressRule',
  networkPolicyIngressRuleFields,
)

const networkPolicyEgressRuleFields = {
  ports: opt(
    1,
    listOf(() => NetworkPolicyPort),
  ),
  to: opt(
    2,
    listOf(() => NetworkPolicyPeer),
  ),
} as const

export interface NetworkPolicyEgressRule extends Shape<typeof networkPolicyEgressRuleFields> {}
export const NetworkPolicyEgressRule = struct<NetworkPolicyEgressRule>(
  'networking.v1.NetworkPolicyEgressRule',
  networkPolicyEgressRuleFields,
)

const networkPolicyPortFields = {
  protocol: ptr(1, Protocol),
  port: ptr(2, intOrString),
  endPort: ptr(3, int32),
} as const

export interface NetworkPolicyPort extends Shape<typeof networkPolicyPortFields> {}
export const NetworkPolicyPort = struct<NetworkPolicyPort>(
  'networking.v1.NetworkPolicyPort',
  networkPolicyPortFields,
)

const ipBlockFields = {
  cidr: req(1, str),
  except: opt(2, listOf(str)),
} as const

export interface IPBlock extends Shape<typeof ipBlockFields> {}
export const IPBlock = struct<IPBlock>('networking.v1.IPBlock', ipBlockFields)

const networkPolicyPeerFields = {
  podSelector: opt(1, () => LabelSelector),
  namespaceSelector: opt(2, () => LabelSelector),
  ipBlock: opt(3, () => IPBlock),
} as const

export interface NetworkPolicyPeer extends Shape<typeof networkPolicyPeerFields> {}
export const NetworkPolicyPeer = struct<NetworkPolicyPeer>(
  'networking.v1.NetworkPolicyPeer',
  networkPolicyPeerFields,
)
