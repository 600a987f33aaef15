import { AGE, labelText, loadBalancerText, table, wide } from '../table.columns.ts'
import { Service } from './service.ts'

function externalIp({ spec, status }: Service): string {
  const external = (spec.externalIPs ?? []).join(',')
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external || '<none>'
    case 'LoadBalancer': {
      const all = [loadBalancerText(status.loadBalancer), external].filter((text) => text !== '')
      return all.join(',') || '<pending>'
    }
    case 'ExternalName':
      return spec.externalName ?? ''
    default:
      return '<unknown>'
  }
}

function portsText({ spec }: Service): string {
  const ports = (spec.ports ?? []).map(
    (p) => `${p.port}${p.nodePort ? `:${p.nodePort}` : ''}/${p.protocol ?? ''}`,
  )
  return ports.join(',') || '<none>'
}

export const serviceTable = table(
  Service,
  ['Type', (s) => s.spec.type ?? ''],
  ['Cluster-IP', (s) => s.spec.clusterIPs?.[0] || '<none>'],
  ['External-IP', externalIp],
  ['Port(s)', portsText],
  AGE,
  wide('Selector', (s) => labelText(s.spec.selector)),
)
