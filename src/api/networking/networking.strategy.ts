import { assign, each, fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { ipFamily } from '../meta/ip.validate.ts'
import { Ingress, IngressClass } from './ingress.ts'
import { NetworkPolicy, type NetworkPolicyPort } from './network-policy.ts'
import * as rules from './networking.validate.ts'
import { IPAddress, ServiceCIDR } from './service-cidr.ts'

export const ingressStrategy = defineStrategy(Ingress, { generation: true, validate: rules.validateIngress })

export const ingressClassStrategy = defineStrategy(IngressClass, {
  generation: true,
  defaults: (object) =>
    within(object, 'spec', (spec) => within(spec, 'parameters', (p) => fill(p, { scope: 'Cluster' }))),
  validate: rules.validateIngressClass,
  validateUpdate: rules.validateIngressClassUpdate,
})

const defaultPort = (port: NetworkPolicyPort) => fill(port, { protocol: 'TCP' })

export const networkPolicyStrategy = defineStrategy(NetworkPolicy, {
  generation: true,
  defaults: (policy) =>
    within(policy, 'spec', (spec) => {
      let s = spec
      s = within(s, 'ingress', (list) =>
        each(list, (r) => within(r, 'ports', (ports) => each(ports, defaultPort))),
      )
      s = within(s, 'egress', (list) =>
        each(list, (r) => within(r, 'ports', (ports) => each(ports, defaultPort))),
      )
      if (s.policyTypes?.length) return s
      return assign(s, { policyTypes: s.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'] })
    }),
  validate: rules.validateNetworkPolicy,
})

const NOT_AN_ADDRESS = ['must be a valid IP address']
const NONE: readonly string[] = []

/** An IPAddress object is called like the address it stands for. */
export const ipAddressStrategy = defineStrategy(IPAddress, {
  name: (name) => (ipFamily(name) ? NONE : NOT_AN_ADDRESS),
  validate: rules.validateIpAddress,
  validateUpdate: rules.validateIpAddressUpdate,
  fields: { 'spec.parentRef.name': (address) => address.spec.parentRef?.name ?? '' },
})

export const serviceCidrStrategy = defineStrategy(ServiceCIDR, {
  validate: rules.validateServiceCidr,
  validateUpdate: rules.validateServiceCidrUpdate,
})
