import { compareQuantities, parseQuantity, type Quantity, wholeValue } from '../../schema/index.ts'
import { entry } from '../copy.strategy.ts'
import { dnsLabel, qualifiedName } from '../meta/names.validate.ts'
import {
  duplicate,
  forbidden,
  invalid,
  invalidEach,
  NOT_NEGATIVE,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import type { ResourceRequirements } from './common.ts'

const COUNTED = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
])
const QUOTA_ONLY = new Set([
  'storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
])
const COMPUTE = new Set(['cpu', 'memory', 'ephemeral-storage'])
const HUGE_PAGES = 'hugepages-'

const isHugePages = (name: string) => name.startsWith(HUGE_PAGES)
const isNative = (name: string) => !name.includes('/') || name.includes('kubernetes.io/')
const isStandard = (name: string) =>
  COMPUTE.has(name) || COUNTED.has(name) || QUOTA_ONLY.has(name) || isHugePages(name)
const mayOvercommit = (name: string) => isNative(name) && !isHugePages(name)

/** A resource of a device plugin or an operator: `example.com/gpu`. */
const isExtended = (name: string) =>
  !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0

const quantities = new Map<string, Quantity>()

/** Quantities repeat; decoding has made sure that they parse. */
function quantity(text: string): Quantity {
  let found = quantities.get(text)
  if (!found) {
    found = parseQuantity(text)
    if (quantities.size > 2000) quantities.clear()
    quantities.set(text, found)
  }
  return found
}

export function compareText(a: string, b: string): number {
  return a === b ? 0 : compareQuantities(quantity(a), quantity(b))
}

export function validateResourceName(out: Problems, field: string, name: string): boolean {
  const messages = qualifiedName(name)
  invalidEach(out, field, name, messages)
  if (messages.length > 0) return false
  if (!name.includes('/') && !isStandard(name)) {
    invalid(out, field, name, 'must be a standard resource type or fully qualified')
    return false
  }
  return true
}

export function validateContainerResourceName(out: Problems, field: string, name: string): void {
  if (COMPUTE.has(name)) return
  validateResourceName(out, field, name)
  if (!name.includes('/')) {
    if (!isHugePages(name)) invalid(out, field, name, 'must be a standard resource for containers')
  } else if (!isNative(name) && !isExtended(name)) {
    invalid(out, field, name, "doesn't follow extended resource name standard")
  }
}

export function validateQuotaResourceName(out: Problems, field: string, name: string): void {
  validateResourceName(out, field, name)
  if (
    !name.includes('/') &&
    !(isStandard(name) && name !== 'storage') &&
    !/^(requests|limits)\.hugepages-/.test(name)
  ) {
    invalid(out, field, name, 'must be a standard resource for quota')
  }
}

export function validateQuantity(out: Problems, field: string, name: string, value: string): void {
  if (value.startsWith('-')) invalid(out, field, value, NOT_NEGATIVE)
  if ((COUNTED.has(name) || isExtended(name)) && quantity(value).nanos % 1_000_000_000n !== 0n) {
    invalid(out, field, value, 'must be an integer')
  }
}

/** Huge pages come whole: `hugepages-2Mi: 3Mi` is none. */
function validateHugePages(out: Problems, field: string, name: string, value: string): void {
  let size = 0
  try {
    size = wholeValue(parseQuantity(name.slice(HUGE_PAGES.length)))
  } catch {
    // The size in the name is no quantity: no value fits it.
  }
  if (size <= 0 || wholeValue(quantity(value)) % size !== 0) {
    invalid(out, field, value, `${value} is not positive integer multiple of ${name}`)
  }
}

type NameRule = (out: Problems, field: string, name: string) => void

export function validateResourceRequirements(
  out: Problems,
  field: string,
  requirements: ResourceRequirements | undefined,
  claimNames: ReadonlySet<string>,
  nameRule: NameRule = validateContainerResourceName,
): void {
  if (!requirements) return
  const { limits, requests, claims } = requirements
  let compute = false
  let huge = false
  const look = (list: 'limits' | 'requests', name: string, value: string) => {
    const at = `${field}.${list}[${name}]`
    nameRule(out, at, name)
    validateQuantity(out, at, name, value)
    if (name === 'cpu' || name === 'memory') compute = true
    else if (isHugePages(name)) {
      huge = true
      validateHugePages(out, at, name, value)
    }
  }
  for (const name in limits) look('limits', name, limits[name]!)
  for (const name in requests) {
    const request = requests[name]!
    look('requests', name, request)
    const limit = entry(limits, name)
    if (limit === undefined) {
      if (!mayOvercommit(name))
        required(out, `${field}.limits`, 'Limit must be set for non overcommitable resources')
      continue
    }
    const order = compareText(request, limit)
    if (order !== 0 && !mayOvercommit(name)) {
      invalid(out, `${field}.requests`, request, `must be equal to ${name} limit of ${limit}`)
    } else if (order > 0) {
      invalid(out, `${field}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`)
    }
  }
  if (huge && !compute) forbidden(out, field, 'HugePages require cpu or memory')
  if (claims) validateClaims(out, `${field}.claims`, claims, claimNames)
}

function validateClaims(
  out: Problems,
  field: string,
  claims: NonNullable<ResourceRequirements['claims']>,
  podClaims: ReadonlySet<string>,
): void {
  const whole = new Set<string>()
  const parts = new Map<string, Set<string>>()
  for (let i = 0; i < claims.length; i++) {
    const { name, request } = claims[i]!
    const at = `${field}[${i}]`
    if (!name) {
      required(out, at)
      continue
    }
    const taken = parts.get(name) ?? new Set<string>()
    if (request) invalidEach(out, `${at}.request`, request, dnsLabel(request))
    if (whole.has(name) || (!request && taken.size > 0)) duplicate(out, at, name)
    else if (request && taken.has(request)) duplicate(out, at, `${name}/${request}`)
    else if (request) parts.set(name, taken.add(request))
    else whole.add(name)
    if (!podClaims.has(name)) {
      const known = podClaims.size === 0 ? ' which is empty' : `: ${[...podClaims].sort().join(', ')}`
      out.push({
        type: 'NotFound',
        field: at,
        value: name,
        detail: `must be one of the names in pod.spec.resourceClaims${known}`,
      })
    }
  }
}
