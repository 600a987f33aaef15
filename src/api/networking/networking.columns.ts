import {
  AGE,
  columnOf,
  firstFew,
  isDefault,
  loadBalancerText,
  orNone,
  selectorOrNone,
  table,
} from '../table.columns.ts'
import { Ingress, IngressClass } from './ingress.ts'
import { NetworkPolicy } from './network-policy.ts'
import { IPAddress, ServiceCIDR } from './service-cidr.ts'

function hosts(ingress: Ingress): string {
  const all = (ingress.spec.rules ?? []).map((r) => r.host ?? '').filter((h) => h !== '')
  return all.length === 0 ? '*' : firstFew(all, 3)
}

export const ingressTable = table(
  Ingress,
  ['Class', (i) => orNone(i.spec.ingressClassName)],
  ['Hosts', hosts],
  ['Address', (i) => loadBalancerText(i.status.loadBalancer)],
  ['Ports', (i) => (i.spec.tls?.length ? '80, 443' : '80')],
  AGE,
)

function parameters({ spec: { parameters } }: IngressClass): string {
  if (!parameters) return '<none>'
  const group = parameters.apiGroup ? `.${parameters.apiGroup}` : ''
  return `${parameters.kind}${group}/${parameters.name}`
}

const classes = table(
  IngressClass,
  ['Controller', (c) => c.spec.controller ?? ''],
  ['Parameters', parameters],
  AGE,
)

export const ingressClassTable: typeof classes = {
  ...classes,
  cells: (object, now) => {
    const [name, ...rest] = classes.cells(object, now)
    const mark = isDefault(object.metadata, 'ingressclass.kubernetes.io/is-default-class') ? ' (default)' : ''
    return [`${name}${mark}`, ...rest]
  },
}

function parent({ spec: { parentRef } }: IPAddress): string {
  if (!parentRef) return '<none>'
  const group = parentRef.group ? `.${parentRef.group}` : ''
  const namespace = parentRef.namespace ? `/${parentRef.namespace}` : ''
  return `${`${parentRef.resource}${group}`.toLowerCase()}${namespace}/${parentRef.name}`
}

const addresses = table(IPAddress, ['ParentRef', parent], AGE)

/** Its rows have an age for which no column is declared, as in Kubernetes. */
export const ipAddressTable: typeof addresses = {
  ...addresses,
  columns: addresses.columns.filter((c) => c.name !== columnOf(AGE).name),
}

export const networkPolicyTable = table(
  NetworkPolicy,
  ['Pod-Selector', (p) => selectorOrNone(p.spec.podSelector)],
  AGE,
)
export const serviceCidrTable = table(ServiceCIDR, ['CIDRs', (s) => (s.spec.cidrs ?? []).join(',')], AGE)
