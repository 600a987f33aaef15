import { httpHeaderName, portName, portNumber } from '../meta/names.validate.ts'
import {
  forbidden,
  invalid,
  invalidEach,
  notNegative,
  notSupported,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import type {
  Container,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Probe,
  ProbeHandler,
} from './container.ts'

const SCHEMES = ['HTTP', 'HTTPS']
const ONE_ONLY = 'may not specify more than 1 handler type'

/** A port by number or by the name it has in its container. */
export function validatePort(out: Problems, field: string, port: number | string | undefined): void {
  if (typeof port === 'string') invalidEach(out, field, port, portName(port))
  else invalidEach(out, field, port ?? 0, portNumber(port ?? 0))
}

function validateHttpGet(out: Problems, field: string, action: HTTPGetAction): void {
  if (!action.path) required(out, `${field}.path`)
  validatePort(out, `${field}.port`, action.port)
  if (!action.scheme || !SCHEMES.includes(action.scheme)) {
    notSupported(out, `${field}.scheme`, action.scheme ?? '', SCHEMES)
  }
  for (const header of action.httpHeaders ?? []) {
    invalidEach(out, `${field}.httpHeaders`, header.name ?? '', httpHeaderName(header.name ?? ''))
  }
}

/** Exactly one way to ask; `grace` bounds how long a sleep may last. */
function validateHandler(
  out: Problems,
  field: string,
  handler: ProbeHandler & LifecycleHandler,
  grace: number | undefined,
): void {
  let count = 0
  const only = (name: string, check: (at: string) => void) => {
    if (++count > 1) forbidden(out, `${field}.${name}`, ONE_ONLY)
    else check(`${field}.${name}`)
  }
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler
  if (exec) only('exec', (at) => exec.command?.length || required(out, `${at}.command`))
  if (httpGet) only('httpGet', (at) => validateHttpGet(out, at, httpGet))
  if (tcpSocket) only('tcpSocket', (at) => validatePort(out, `${at}.port`, tcpSocket.port))
  if (grpc) only('grpc', (at) => validatePort(out, `${at}.port`, grpc.port))
  if (sleep) {
    only('sleep', (at) => {
      if (grace === undefined || (sleep.seconds >= 0 && sleep.seconds <= grace)) return
      const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`
      invalid(out, at, sleep.seconds, why)
    })
  }
  if (count === 0) required(out, field, 'must specify a handler type')
}

function validateProbe(out: Problems, field: string, probe: Probe, grace: number | undefined): void {
  validateHandler(out, field, probe, grace)
  notNegative(out, `${field}.initialDelaySeconds`, probe.initialDelaySeconds)
  notNegative(out, `${field}.timeoutSeconds`, probe.timeoutSeconds)
  notNegative(out, `${field}.periodSeconds`, probe.periodSeconds)
  notNegative(out, `${field}.successThreshold`, probe.successThreshold)
  notNegative(out, `${field}.failureThreshold`, probe.failureThreshold)
  const own = probe.terminationGracePeriodSeconds
  if (own !== undefined && own <= 0) {
    invalid(out, `${field}.terminationGracePeriodSeconds`, own, 'must be greater than 0')
  }
}

export function validateProbes(
  out: Problems,
  field: string,
  container: Container,
  grace: number | undefined,
): void {
  const { livenessProbe, readinessProbe, startupProbe } = container
  if (livenessProbe) {
    validateProbe(out, `${field}.livenessProbe`, livenessProbe, grace)
    once(out, `${field}.livenessProbe`, livenessProbe)
  }
  if (readinessProbe) {
    validateProbe(out, `${field}.readinessProbe`, readinessProbe, grace)
    const own = readinessProbe.terminationGracePeriodSeconds
    if (own !== undefined) {
      invalid(
        out,
        `${field}.readinessProbe.terminationGracePeriodSeconds`,
        own,
        'must not be set for readinessProbes',
      )
    }
  }
  if (startupProbe) {
    validateProbe(out, `${field}.startupProbe`, startupProbe, grace)
    once(out, `${field}.startupProbe`, startupProbe)
  }
}

function once(out: Problems, field: string, { successThreshold }: Probe): void {
  if (successThreshold !== 1) invalid(out, `${field}.successThreshold`, successThreshold ?? 0, 'must be 1')
}

export function validateLifecycle(
  out: Problems,
  field: string,
  lifecycle: Lifecycle,
  grace: number | undefined,
): void {
  if (lifecycle.postStart) validateHandler(out, `${field}.postStart`, lifecycle.postStart, grace)
  if (lifecycle.preStop) validateHandler(out, `${field}.preStop`, lifecycle.preStop, grace)
}
