import { canonicalQuantity, milliValue } from '../../schema/index.ts'
import { assign, each, entry, fill, withEntries, within } from '../copy.strategy.ts'
import type { Container, ContainerPort, EnvVar, HTTPGetAction, LifecycleHandler, Probe } from './container.ts'
import type { EphemeralContainer } from './pod.ts'

/** The members that containers and ephemeral containers share. */
type AnyContainer = Container | EphemeralContainer

export function defaultContainer<C extends AnyContainer>(container: C): C {
  let c: AnyContainer = fill<AnyContainer>(container, {
    imagePullPolicy: pullPolicyOf(container.image),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  })
  c = within(c, 'resources', roundedUp)
  c = within(c, 'ports', (ports) => each(ports, defaultPort))
  c = within(c, 'env', (env) => each(env, defaultEnv))
  c = within(c, 'livenessProbe', defaultProbe)
  c = within(c, 'readinessProbe', defaultProbe)
  c = within(c, 'startupProbe', defaultProbe)
  c = within(c, 'lifecycle', (l) => within(within(l, 'postStart', defaultHandler), 'preStop', defaultHandler))
  return c as C
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

const PORT_DEFAULTS = { protocol: 'TCP' } as const
const defaultPort = (port: ContainerPort) => fill(port, PORT_DEFAULTS)

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

const HTTP_DEFAULTS = { path: '/', scheme: 'HTTP' } as const
const defaultHttpGet = (action: HTTPGetAction) => fill(action, HTTP_DEFAULTS)
const defaultHandler = (handler: LifecycleHandler) => within(handler, 'httpGet', defaultHttpGet)

export function defaultProbe(probe: Probe): Probe {
  const p = assign(probe, {
    timeoutSeconds: probe.timeoutSeconds || 1,
    periodSeconds: probe.periodSeconds || 10,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
  })
  return within(within(p, 'httpGet', defaultHttpGet), 'grpc', (g) =>
    g.service === undefined ? { ...g, service: '' } : g,
  )
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
  const missing = Object.entries(limits).filter(([name]) => entry(requests, name) === undefined)
  return missing.length === 0 ? resources : { ...resources, requests: withEntries(requests, missing) }
}
