import { canonicalQuantity, milliValue } from '../../schema/index.ts'
import { type Draft, each, entry, fill, withEntries, within } from '../copy.strategy.ts'
import type {
  Container,
  ContainerPort,
  EnvVar,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Probe,
} from './container.ts'
import type { EphemeralContainer } from './pod.ts'

/** The members that containers and ephemeral containers share. */
type AnyContainer = Container | EphemeralContainer

/** A pod's containers get more filled in than those of a template; in the host's network still more. */
export type Where = 'template' | 'pod' | 'host network'

/** Every pod creation comes through here: one copy a container at most, and named stores, which are fast. */
export function defaultContainer<C extends AnyContainer>(container: C, where: Where = 'template'): C {
  const c: Draft<AnyContainer> = container
  const ports = c.ports && each(c.ports, where === 'host network' ? defaultHostPort : defaultPort)
  const env = c.env && each(c.env, defaultEnv)
  const rounded = c.resources && roundedUp(c.resources)
  const resources = rounded && where !== 'template' ? requestsFromLimits(rounded) : rounded
  const livenessProbe = c.livenessProbe && defaultProbe(c.livenessProbe)
  const readinessProbe = c.readinessProbe && defaultProbe(c.readinessProbe)
  const startupProbe = c.startupProbe && defaultProbe(c.startupProbe)
  const lifecycle = c.lifecycle && defaultLifecycle(c.lifecycle)
  const complete =
    c.imagePullPolicy &&
    c.terminationMessagePath &&
    c.terminationMessagePolicy &&
    ports === c.ports &&
    env === c.env &&
    resources === c.resources &&
    livenessProbe === c.livenessProbe &&
    readinessProbe === c.readinessProbe &&
    startupProbe === c.startupProbe &&
    lifecycle === c.lifecycle
  if (complete) return container
  const copy: Draft<AnyContainer> = { ...c }
  if (!c.imagePullPolicy) copy.imagePullPolicy = pullPolicyOf(c.image)
  if (!c.terminationMessagePath) copy.terminationMessagePath = '/dev/termination-log'
  if (!c.terminationMessagePolicy) copy.terminationMessagePolicy = 'File'
  if (ports) copy.ports = ports
  if (env) copy.env = env
  if (resources) copy.resources = resources
  if (livenessProbe) copy.livenessProbe = livenessProbe
  if (readinessProbe) copy.readinessProbe = readinessProbe
  if (startupProbe) copy.startupProbe = startupProbe
  if (lifecycle) copy.lifecycle = lifecycle
  return copy as C
}

/** Always for `:latest` (said or meant), IfNotPresent for every other tag and for digests. */
export function pullPolicyOf(image: string | undefined): 'Always' | 'IfNotPresent' {
  const reference = image ?? ''
  const at = reference.indexOf('@')
  const name = at < 0 ? reference : reference.slice(0, at)
  const colon = name.lastIndexOf(':')
  // A colon before a slash belongs to the registry's port.
  const tag = colon > name.lastIndexOf('/') ? name.slice(colon + 1) : ''
  return tag === 'latest' || (tag === '' && at < 0) ? 'Always' : 'IfNotPresent'
}

const defaultPort = (port: ContainerPort): ContainerPort =>
  port.protocol ? port : { ...port, protocol: 'TCP' }

/** In the host's network a port is the host's port. */
const defaultHostPort = (port: ContainerPort): ContainerPort => {
  const p = defaultPort(port)
  return p.hostPort || !p.containerPort ? p : { ...p, hostPort: p.containerPort }
}

const FIELD_REF_DEFAULTS = { apiVersion: 'v1' } as const

function defaultEnv(env: EnvVar): EnvVar {
  if (!env.valueFrom) return env
  return within(env, 'valueFrom', (source) =>
    within(
      within(source, 'fieldRef', (ref) => fill(ref, FIELD_REF_DEFAULTS)),
      'fileKeyRef',
      (ref) => fill(ref, { optional: false }),
    ),
  )
}

const defaultHttpGet = (action: HTTPGetAction): HTTPGetAction =>
  action.path && action.scheme
    ? action
    : { ...action, path: action.path || '/', scheme: action.scheme || 'HTTP' }
const defaultHandler = (handler: LifecycleHandler) => within(handler, 'httpGet', defaultHttpGet)
const defaultLifecycle = (l: Lifecycle) =>
  within(within(l, 'postStart', defaultHandler), 'preStop', defaultHandler)

export function defaultProbe(probe: Probe): Probe {
  const httpGet = probe.httpGet && defaultHttpGet(probe.httpGet)
  const { timeoutSeconds, periodSeconds, successThreshold, failureThreshold } = probe
  const timed = timeoutSeconds && periodSeconds && successThreshold && failureThreshold
  if (timed && httpGet === probe.httpGet) return probe
  const copy: Draft<Probe> = { ...probe }
  copy.timeoutSeconds = timeoutSeconds || 1
  copy.periodSeconds = periodSeconds || 10
  copy.successThreshold = successThreshold || 1
  copy.failureThreshold = failureThreshold || 3
  if (httpGet) copy.httpGet = httpGet
  return copy
}

/** Amounts below a thousandth are rounded up to one: nothing is measured more finely. */
function roundedUp<R extends Container['resources']>(resources: R): R {
  return within(within(resources, 'limits', roundAmounts), 'requests', roundAmounts)
}

function roundAmounts(amounts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  let fine: [string, string][] | undefined
  for (const name in amounts) {
    const text = amounts[name]!
    const unit = text.charCodeAt(text.length - 1)
    if (unit !== MICRO && unit !== NANO) continue
    fine ??= []
    fine.push([name, canonicalQuantity(`${milliValue(text)}m`)])
  }
  return fine ? withEntries(amounts, fine) : amounts
}

const MICRO = 'u'.charCodeAt(0)
const NANO = 'n'.charCodeAt(0)

/** Where a limit is given and no request, the request is the limit. */
export function requestsFromLimits<R extends Container['resources']>(resources: R): R {
  const { limits, requests } = resources
  if (!limits) return resources
  let missing: [string, string][] | undefined
  for (const name in limits) {
    if (entry(requests, name) !== undefined) continue
    missing ??= []
    missing.push([name, limits[name]!])
  }
  if (!missing) return resources
  return { ...resources, requests: requests ? withEntries(requests, missing) : limits }
}
