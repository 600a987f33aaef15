import { qualifiedName } from '../meta/names.validate.ts'
import { invalid, invalidEach, notSupported, type Problems, required } from '../meta/report.validate.ts'
import type { ObjectFieldSelector, ResourceFieldSelector } from './common.ts'

/** What the downward API may name, sorted as messages list it. */
export const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
] as const
export const FILE_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
] as const
const KNOWN = new Set<string>([...ENV_FIELDS, ...FILE_FIELDS, 'spec.host'])
const SUBSCRIPTED = /^([^[]*)\['(.*)'\]$/

export function validateFieldRef(
  out: Problems,
  field: string,
  ref: ObjectFieldSelector,
  allowed: readonly string[],
): void {
  if (!ref.apiVersion || !ref.fieldPath) {
    required(out, ref.apiVersion ? `${field}.fieldPath` : `${field}.apiVersion`)
    return
  }
  const [, path, subscript] = SUBSCRIPTED.exec(ref.fieldPath) ?? []
  if (ref.apiVersion !== 'v1' || !(path === undefined ? KNOWN.has(ref.fieldPath) : KNOWN.has(path))) {
    const why =
      ref.apiVersion === 'v1'
        ? `field label not supported: ${ref.fieldPath}`
        : `unsupported pod version: ${ref.apiVersion}`
    invalid(out, `${field}.fieldPath`, ref.fieldPath, `error converting fieldPath: ${why}`)
    return
  }
  if (path === undefined) {
    if (!allowed.includes(ref.fieldPath)) notSupported(out, `${field}.fieldPath`, ref.fieldPath, allowed)
  } else if (path === 'metadata.annotations')
    invalidEach(out, field, subscript, qualifiedName(subscript!.toLowerCase()))
  else if (path === 'metadata.labels') invalidEach(out, field, subscript, qualifiedName(subscript!))
  else invalid(out, field, path, 'does not support subscript')
}

const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
]
const isHugePages = (resource: string) => /^(requests|limits)\.hugepages-/.test(resource)
const UNITS = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei'
const SIZE_DIVISORS = new Set(UNITS.split(', '))

export function validateResourceFieldRef(
  out: Problems,
  field: string,
  ref: ResourceFieldSelector,
  inVolume: boolean,
): void {
  const resource = ref.resource ?? ''
  if (inVolume && !ref.containerName) required(out, `${field}.containerName`)
  else if (resource === '') required(out, `${field}.resource`)
  else if (!RESOURCES.includes(resource) && !isHugePages(resource)) {
    notSupported(out, `${field}.resource`, resource, RESOURCES)
  }
  const divisor = ref.divisor
  if (!divisor || divisor === '0') return
  const [, name = ''] = resource.split('.')
  if (name === 'cpu') {
    if (divisor === '1' || divisor === '1m') return
    invalid(
      out,
      `${field}.divisor`,
      resource,
      "only divisor's values 1m and 1 are supported with the cpu resource",
    )
  } else if (!SIZE_DIVISORS.has(divisor)) {
    const what =
      name === 'memory'
        ? 'memory'
        : name === 'ephemeral-storage'
          ? 'local ephemeral storage'
          : isHugePages(resource)
            ? 'hugepages'
            : ''
    if (what)
      invalid(
        out,
        `${field}.divisor`,
        resource,
        `only divisor's values ${UNITS} are supported with the ${what} resource`,
      )
  }
}
