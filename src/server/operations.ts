import {
  ApiError,
  type Binding,
  badRequest,
  type DeleteOptions,
  type Eviction,
  forbidden,
  type Key,
  notFound,
  type Patch,
  Scale,
  ServiceAccount,
  type UserInfo,
} from '../api/index.ts'
import type { Kind, KubeObject, StructType } from '../schema/index.ts'
import type { RequestAttributes, Security } from './contracts.ts'
import { decodeObject, type FieldValidation } from './registry/decode.ts'
import { deleteObject } from './registry/delete.ts'
import { applyPatch } from './registry/patch.ts'
import type { Caller, Registry } from './registry/registry.ts'
import { bindPod } from './registry/subresources/binding.ts'
import { evictPod } from './registry/subresources/eviction.ts'
import { scaleOf, updateScale } from './registry/subresources/scale.ts'
import type { Written } from './registry/writer.ts'
import { answerReview, REVIEW_KINDS } from './reviews.ts'

export interface Writing {
  readonly dryRun: boolean
  readonly validation: FieldValidation
  readonly subresource: string
}

/** A subresource whose body and answer are another kind than the resource itself. */
export const OTHER_BODIES: ReadonlySet<string> = new Set(['scale', 'binding', 'eviction', 'token'])
/** Served by the node of the pod, or through it. */
export const PROXIED: ReadonlySet<string> = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])

/** What both bindings (in process, HTTP) do once a request is understood, decoded and authorized. */
export class Operations {
  readonly registry: Registry
  readonly #security: () => Security

  /** `security` is asked for at each request: it is made on top of the API it then guards. */
  constructor(registry: Registry, security: () => Security) {
    this.registry = registry
    this.#security = security
  }

  get security(): Security {
    return this.#security()
  }

  /** Throws Forbidden in Kubernetes' words when the user may not. */
  authorize(user: UserInfo, attributes: RequestAttributes): void | Promise<void> {
    const decision = this.security.authorizer.authorize(user, attributes)
    if (decision instanceof Promise)
      return decision.then((d) => checkDecision(d.allowed, d.reason, attributes))
    checkDecision(decision.allowed, decision.reason, attributes)
  }

  create(kind: Kind, namespace: string | undefined, object: KubeObject, caller: Caller, writing: Writing) {
    if (kind.resource.namespaced && !namespace)
      throw badRequest('an empty namespace may not be set during creation')
    return this.registry.create(kind, namespace, object, caller, writing.dryRun)
  }

  isReview(kind: Kind): boolean {
    return REVIEW_KINDS.has(kind.resource.kind)
  }

  review(kind: Kind, namespace: string | undefined, object: KubeObject, user: UserInfo): Promise<KubeObject> {
    return answerReview(this.security, kind.resource.kind, object, user, namespace)
  }

  update(kind: Kind, key: Key, object: KubeObject, caller: Caller, writing: Writing): Promise<Written> {
    checkName(object, key)
    return this.registry.update(kind, key, writing.subresource, caller, () => object, writing.dryRun)
  }

  patch(kind: Kind, key: Key, patch: Patch, caller: Caller, writing: Writing): Promise<Written> {
    return this.registry.update(
      kind,
      key,
      writing.subresource,
      caller,
      (current) => {
        // A patch never creates: let the registry say what is missing.
        if (!current) throw notFound(kind.resource, key.name)
        const patched = decodeObject(
          kind as StructType<KubeObject>,
          applyPatch(kind, kind, current, patch),
          writing.validation,
          (w) => caller.warn(w),
        )
        checkName(patched, key)
        return patched
      },
      writing.dryRun,
    )
  }

  delete(kind: Kind, key: Key, options: DeleteOptions, caller: Caller): Promise<Written> {
    return deleteObject(this.registry, kind, key, options, caller)
  }

  async getScale(kind: Kind, key: Key): Promise<Scale> {
    return scaleOf((await this.registry.get(kind, key)).object)
  }

  async putScale(kind: Kind, key: Key, scale: Scale, caller: Caller, dryRun: boolean): Promise<Scale> {
    return (await updateScale(this.registry, kind, key, caller, dryRun, () => scale)).scale
  }

  async patchScale(kind: Kind, key: Key, patch: Patch, caller: Caller, writing: Writing): Promise<Scale> {
    const next = (current: Scale) => {
      const patched = applyPatch(kind, Scale, current as unknown as KubeObject, patch)
      return decodeObject(Scale, patched, writing.validation, (w) => caller.warn(w))
    }
    return (await updateScale(this.registry, kind, key, caller, writing.dryRun, next)).scale
  }

  /** binding, eviction, token: a POST that answers the body or a Status. */
  async post(
    kind: Kind,
    key: Key,
    subresource: string,
    body: KubeObject,
    caller: Caller,
    dryRun: boolean,
  ): Promise<KubeObject> {
    switch (subresource) {
      case 'binding':
        await bindPod(this.registry, key, body as Binding, caller, dryRun)
        return successStatus(201)
      case 'eviction':
        await evictPod(this.registry, key, body as unknown as Eviction, caller, dryRun)
        return successStatus(201)
      case 'token': {
        const account = await this.registry.get(ServiceAccount, key)
        const request = this.registry.admissionFor(
          kind,
          'token',
          key,
          caller,
          dryRun,
          'CREATE',
          account.object,
        )
        const admitted = await this.registry.admitOnly({ ...request, object: body })
        return this.security.tokens.issue(account.object, admitted ?? body, caller.user)
      }
      default:
        throw new ApiError(
          'MethodNotAllowed',
          'the server does not allow this method on the requested resource',
        )
    }
  }
}

/** What is written is what the path names. */
function checkName({ metadata }: KubeObject, { name }: Key): void {
  if (!metadata.name) {
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    )
  }
  if (metadata.name !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`)
}

function checkDecision(allowed: boolean, reason: string, attributes: RequestAttributes): void {
  if (allowed) return
  if (!attributes.isResource) throw new ApiError('Forbidden', `forbidden: ${reason}`, {})
  const { group, resource, subresource, name } = attributes
  const plural = subresource ? `${resource}/${subresource}` : resource
  throw forbidden({ group, plural, kind: resource }, name, reason)
}

export function successStatus(code: number, details?: object): KubeObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    ...(details ? { details } : {}),
    code,
  } as unknown as KubeObject
}
