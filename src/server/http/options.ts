import {
  badRequest,
  type DeleteOptions,
  type ListOptions,
  type MetaDeleteOptions,
  type WatchOptions,
} from '../../api/index.ts'
import type { Writing } from '../operations.ts'
import type { FieldValidation } from '../registry/decode.ts'
import { isTrue } from './request-info.ts'

const VALIDATIONS: readonly string[] = ['Ignore', 'Warn', 'Strict']

/** dryRun, fieldValidation, … of a write. Throws BadRequest for values that mean nothing. */
export function writingOf(query: URLSearchParams, subresource: string): Writing {
  const validation = query.get('fieldValidation') || 'Warn'
  if (!VALIDATIONS.includes(validation)) {
    throw badRequest(
      `cannot write: fieldValidation must be one of Ignore, Warn, Strict, got ${JSON.stringify(validation)}`,
    )
  }
  return { dryRun: dryRunOf(query.getAll('dryRun')), validation: validation as FieldValidation, subresource }
}

export function dryRunOf(values: readonly string[]): boolean {
  for (const value of values) {
    if (value !== 'All' && value !== '')
      throw badRequest(`cannot write: dryRun must be "All", got ${JSON.stringify(value)}`)
  }
  return values.includes('All')
}

export function listOptionsOf(query: URLSearchParams, namespace: string): ListOptions {
  const limit = numberOf(query, 'limit')
  return {
    ...selectionOf(query, namespace),
    ...text(query, 'resourceVersion'),
    ...text(query, 'resourceVersionMatch'),
    ...text(query, 'continue'),
    ...(limit === undefined ? {} : { limit }),
  } as ListOptions
}

export function watchOptionsOf(query: URLSearchParams, namespace: string): Omit<WatchOptions, 'signal'> {
  const timeoutSeconds = numberOf(query, 'timeoutSeconds')
  const sendInitialEvents = query.get('sendInitialEvents')
  const bookmarks = isTrue(query.get('allowWatchBookmarks'))
  if (sendInitialEvents !== null && isTrue(sendInitialEvents)) {
    if (query.get('resourceVersionMatch') !== 'NotOlderThan') {
      throw badRequest('cannot watch: sendInitialEvents needs resourceVersionMatch=NotOlderThan')
    }
  } else if (query.get('resourceVersionMatch')) {
    throw badRequest(
      'cannot watch: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    )
  }
  return {
    ...selectionOf(query, namespace),
    ...text(query, 'resourceVersion'),
    allowWatchBookmarks: bookmarks,
    sendInitialEvents: isTrue(sendInitialEvents),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  } as Omit<WatchOptions, 'signal'>
}

function selectionOf(query: URLSearchParams, namespace: string) {
  return {
    namespace: namespace === '' ? undefined : namespace,
    ...text(query, 'labelSelector'),
    ...text(query, 'fieldSelector'),
  }
}

const POLICIES: readonly string[] = ['Orphan', 'Background', 'Foreground']

/** The options of a deletion: those of the body, else those of the query. */
export function deleteOptionsOf(query: URLSearchParams, body: MetaDeleteOptions | undefined): DeleteOptions {
  const grace = body?.gracePeriodSeconds ?? numberOf(query, 'gracePeriodSeconds')
  const orphan =
    body?.orphanDependents ??
    (query.has('orphanDependents') ? isTrue(query.get('orphanDependents')) : undefined)
  const policy =
    body?.propagationPolicy ??
    query.get('propagationPolicy') ??
    (orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background')
  if (policy !== undefined && !POLICIES.includes(policy)) {
    throw badRequest(
      `cannot delete: propagationPolicy must be one of Orphan, Background, Foreground, got ${JSON.stringify(policy)}`,
    )
  }
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: Math.max(grace, 0) }),
    ...(policy === undefined ? {} : { propagationPolicy: policy as 'Orphan' }),
    ...(body?.preconditions ? { preconditions: body.preconditions as { uid?: string } } : {}),
    dryRun: dryRunOf([...(body?.dryRun ?? []), ...query.getAll('dryRun')]),
  }
}

function text(query: URLSearchParams, name: string): Record<string, string> {
  const value = query.get(name)
  return value === null || value === '' ? {} : { [name]: value }
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null || value === '') return undefined
  if (!/^-?\d{1,15}$/.test(value))
    throw badRequest(
      `cannot read ${name}: expected a whole number, got ${JSON.stringify(value.slice(0, 100))}`,
    )
  return Number(value)
}
