import { equalJson } from '../../schema/index.ts'
import { assign } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { domainPath } from '../meta/names.validate.ts'
import {
  duplicate,
  forbidden,
  IMMUTABLE,
  invalid,
  invalidEach,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import { CertificateSigningRequest } from './signing-request.ts'

const PEM = /^-----BEGIN CERTIFICATE REQUEST-----\r?\n[\s\S]+\n-----END CERTIFICATE REQUEST-----\s*$/
const utf8 = new TextDecoder()
const MIN_SECONDS = 600

function isPemRequest(base64: string): boolean {
  try {
    return PEM.test(utf8.decode(Uint8Array.fromBase64(base64)).trimStart())
  } catch {
    return false
  }
}

function validate(out: Problems, { spec }: CertificateSigningRequest): void {
  if (!spec.request || !isPemRequest(spec.request)) {
    invalid(out, 'spec.request', spec.request ?? '', 'PEM block type must be CERTIFICATE REQUEST')
  }
  if (!spec.usages?.length) required(out, 'spec.usages')
  spec.usages?.forEach((usage, i) => {
    if (spec.usages!.indexOf(usage) < i) duplicate(out, `spec.usages[${i}]`, usage)
  })
  if (!spec.signerName) required(out, 'spec.signerName')
  else invalidEach(out, 'spec.signerName', spec.signerName, domainPath(spec.signerName))
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < MIN_SECONDS) {
    invalid(
      out,
      'spec.expirationSeconds',
      spec.expirationSeconds,
      'may not specify a duration less than 600 seconds (10 minutes)',
    )
  }
}

function validateConditions(
  out: Problems,
  request: CertificateSigningRequest,
  old: CertificateSigningRequest,
): void {
  const has = (object: CertificateSigningRequest, type: string) =>
    object.status.conditions?.some((c) => c.type === type) === true
  if (has(request, 'Approved') && has(request, 'Denied')) {
    invalid(out, 'status.conditions', 'Denied', 'Approved and Denied conditions are mutually exclusive')
  }
  for (const type of ['Approved', 'Denied', 'Failed']) {
    if (has(old, type) && !has(request, type)) {
      forbidden(out, 'status.conditions', `updates may not remove a condition of type "${type}"`)
    }
  }
}

/** The specification is a request: once made it is never changed. */
export const signingRequestStrategy = defineStrategy(CertificateSigningRequest, {
  validate,
  validateUpdate: (out, request, old) => {
    if (!equalJson(request.spec, old.spec)) invalid(out, 'spec', request.spec, IMMUTABLE)
  },
  update: (request, old, subresource) => {
    const kept = assign(request, { spec: old.spec })
    if (subresource !== 'approval') return kept
    // Approvers decide, they do not issue.
    return assign(kept, { status: { ...old.status, conditions: request.status?.conditions } })
  },
  validateSubresource: validateConditions,
  fields: { 'spec.signerName': (request) => request.spec.signerName ?? '' },
})
