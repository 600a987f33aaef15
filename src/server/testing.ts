import type { UserInfo } from '../api/index.ts'
import type { Authorizer, Security } from './contracts.ts'

const ADMIN: UserInfo = { username: 'admin', groups: ['system:masters', 'system:authenticated'] }

/** For tests that are not about security: everybody is an administrator, and nothing is admitted or changed on the way. */
export function openSecurity(overrides: Partial<Security> = {}): Security {
  const authorizer: Authorizer = {
    authorize: () => ({ allowed: true, reason: '' }),
    rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false }),
  }
  return {
    authenticator: { authenticate: () => ADMIN },
    authorizer,
    admission: { admit: (request) => request.object, validate() {} },
    tokens: {
      async issue(_account, request) {
        return request
      },
      async review(request) {
        return request
      },
      openidConfiguration: () => '{}',
      jwks: () => '{"keys":[]}',
    },
    nodeProxy: {
      async handle() {
        throw new Error('no nodes here')
      },
    },
    ...overrides,
  }
}
