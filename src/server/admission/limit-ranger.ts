import {
  type Container,
  LimitRange,
  type LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../api/index.ts'
import { addQuantities, compareQuantities, formatQuantity, parseQuantity } from '../../schema/index.ts'
import type { AdmissionRequest } from '../contracts.ts'
import { type AdmissionPlugin, createdPod, isAbout, type Lookup, refuse } from './plugin.ts'

const ANNOTATION = 'kubernetes.io/limit-ranger'

type Amounts = Readonly<Record<string, string>>

/** What something asks for and what it may use at most, by resource. */
interface Resources {
  readonly requests: Amounts
  readonly limits: Amounts
}

/** LimitRanges of a namespace: what containers get that say nothing, and what containers, pods and claims may ask for. */
export function limitRanger(objects: Lookup): AdmissionPlugin {
  return {
    name: 'LimitRanger',
    admit(request) {
      const pod = createdPod(request)
      if (!pod) return request.object
      let current = pod
      for (const range of objects.list(LimitRange, request.namespace)) current = withDefaults(current, range)
      return current
    },
    validate(request) {
      const wrong = violations(request, () =>
        objects.list(LimitRange, request.namespace).flatMap((range) => range.spec.limits),
      )
      if (wrong.length > 0) throw refuse(request, wrong.length === 1 ? wrong[0]! : `[${wrong.join(', ')}]`)
    },
  }
}

function violations(request: AdmissionRequest, items: () => readonly LimitRangeItem[]): string[] {
  const pod = createdPod(request) ?? resizedPod(request)
  if (pod) return items().flatMap((item) => podViolations(pod, item))
  if (!isAbout(request, PersistentVolumeClaim)) return []
  if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return []
  const requests = (request.object as PersistentVolumeClaim).spec.resources?.requests ?? {}
  return items()
    .filter((item) => item.type === 'PersistentVolumeClaim')
    .flatMap((item) => claimViolations(requests, item))
}

/** The pod that gets other resources while it runs, if that is what the request does. */
function resizedPod(request: AdmissionRequest): Pod | undefined {
  return request.operation === 'UPDATE' && isAbout(request, Pod, 'resize')
    ? (request.object as Pod)
    : undefined
}

/** The pod with the defaults of a LimitRange where its containers say nothing, and a note of what was filled in. */
function withDefaults(pod: Pod, range: LimitRange): Pod {
  const defaults = containerDefaults(range)
  const notes: string[] = []
  const fill = (what: string) => (container: Container) => filled(container, defaults, what, notes)
  const containers = pod.spec.containers.map(fill('container'))
  const initContainers = pod.spec.initContainers?.map(fill('init container'))
  if (notes.length === 0) return pod
  const annotations = {
    ...pod.metadata.annotations,
    [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}`,
  }
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations },
    spec: { ...pod.spec, containers, ...(initContainers ? { initContainers } : {}) },
  }
}

/** A maximum is also the default limit, a default limit also the default request, failing that a minimum. */
function containerDefaults(range: LimitRange): Resources {
  let limits: Amounts = {}
  let requests: Amounts = {}
  for (const item of range.spec.limits) {
    if (item.type !== 'Container') continue
    const limit = { ...item.max, ...item.default }
    limits = { ...limits, ...limit }
    requests = { ...requests, ...item.min, ...limit, ...item.defaultRequest }
  }
  return { limits, requests }
}

function filled(container: Container, defaults: Resources, what: string, notes: string[]): Container {
  const limits = { ...defaults.limits, ...container.resources?.limits }
  const requests = { ...defaults.requests, ...container.resources?.requests }
  const added = (now: object, before: object | undefined) =>
    Object.keys(now)
      .filter((name) => !Object.hasOwn(before ?? {}, name))
      .sort()
  const newRequests = added(requests, container.resources?.requests)
  const newLimits = added(limits, container.resources?.limits)
  if (newRequests.length > 0) notes.push(`${newRequests.join(', ')} request for ${what} ${container.name}`)
  if (newLimits.length > 0) notes.push(`${newLimits.join(', ')} limit for ${what} ${container.name}`)
  if (newRequests.length === 0 && newLimits.length === 0) return container
  return {
    ...container,
    resources: {
      ...container.resources,
      ...(Object.keys(limits).length > 0 ? { limits } : {}),
      ...(Object.keys(requests).length > 0 ? { requests } : {}),
    },
  }
}

function podViolations(pod: Pod, item: LimitRangeItem): string[] {
  const resourcesOf = (container: Container): Resources => ({
    requests: container.resources?.requests ?? {},
    limits: container.resources?.limits ?? {},
  })
  if (item.type === 'Container') {
    return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].flatMap((c) =>
      boundsOf(item, resourcesOf(c)),
    )
  }
  if (item.type !== 'Pod') return []
  return boundsOf(item, podResources(pod, resourcesOf))
}

/** What a pod uses at most at one time: its containers and sidecars together, or an init container by itself. */
function podResources(pod: Pod, resourcesOf: (container: Container) => Resources): Resources {
  let running: Resources = { requests: {}, limits: {} }
  let starting: Resources = { requests: {}, limits: {} }
  for (const container of pod.spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      running = combined(running, resourcesOf(container), sum)
      starting = combined(starting, running, larger)
    } else starting = combined(starting, combined(running, resourcesOf(container), sum), larger)
  }
  for (const container of pod.spec.containers) running = combined(running, resourcesOf(container), sum)
  return combined(running, starting, larger)
}

function combined(a: Resources, b: Resources, by: (x: string, y: string) => string): Resources {
  const merge = (x: Amounts, y: Amounts): Amounts => {
    const out: Record<string, string> = { ...x }
    for (const [name, amount] of Object.entries(y))
      out[name] = Object.hasOwn(out, name) ? by(out[name]!, amount) : amount
    return out
  }
  return { requests: merge(a.requests, b.requests), limits: merge(a.limits, b.limits) }
}

const sum = (a: string, b: string) => formatQuantity(addQuantities(parseQuantity(a), parseQuantity(b)))
const larger = (a: string, b: string) => (compare(a, b) < 0 ? b : a)
const compare = (a: string, b: string) => compareQuantities(parseQuantity(a), parseQuantity(b))

/** Kubernetes' words for everything outside the bounds of an item. */
function boundsOf(item: LimitRangeItem, { requests, limits }: Resources): string[] {
  const { type, min = {}, max = {}, maxLimitRequestRatio: ratios = {} } = item
  const wrong: string[] = []
  for (const [name, bound] of Object.entries(min)) {
    const words = `minimum ${name} usage per ${type} is ${bound}`
    const [request, limit] = [requests[name], limits[name]]
    if (request === undefined) wrong.push(`${words}.  No request is specified`)
    else if (compare(request, bound) < 0) wrong.push(`${words}, but request is ${request}`)
    else if (limit !== undefined && compare(limit, bound) < 0) wrong.push(`${words}, but limit is ${limit}`)
  }
  for (const [name, bound] of Object.entries(max)) {
    const words = `maximum ${name} usage per ${type} is ${bound}`
    const [request, limit] = [requests[name], limits[name]]
    if (limit === undefined) wrong.push(`${words}.  No limit is specified`)
    else if (compare(limit, bound) > 0) wrong.push(`${words}, but limit is ${limit}`)
    else if (request !== undefined && compare(request, bound) > 0)
      wrong.push(`${words}, but request is ${request}`)
  }
  for (const [name, bound] of Object.entries(ratios)) {
    const words = `${name} max limit to request ratio per ${type} is ${bound}, but`
    const request = parseQuantity(requests[name] ?? '0').nanos
    const limit = parseQuantity(limits[name] ?? '0').nanos
    if (request === 0n) wrong.push(`${words} no request is specified or request is 0`)
    else if (limit === 0n) wrong.push(`${words} no limit is specified or limit is 0`)
    else if (limit * 1_000_000_000n > request * parseQuantity(bound).nanos) {
      wrong.push(`${words} provided ratio is ${(Number(limit) / Number(request)).toFixed(6)}`)
    }
  }
  return wrong
}

function claimViolations(requests: Amounts, item: LimitRangeItem): string[] {
  const check = (bounds: Amounts | undefined, word: string, sign: number) =>
    Object.entries(bounds ?? {}).flatMap(([name, bound]) => {
      const words = `${word} ${name} usage per ${item.type} is ${bound}`
      const request = requests[name]
      if (request === undefined) return [`${words}.  No request is specified`]
      return compare(request, bound) * sign > 0 ? [`${words}, but request is ${request}`] : []
    })
  return [...check(item.min, 'minimum', -1), ...check(item.max, 'maximum', 1)]
}
