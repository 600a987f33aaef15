import {
  badRequest,
  type DeleteOptions,
  invalid,
  type ListOptions,
  type MetaDeleteOptions,
  type WatchOptions,
} from '../../api/index.ts'
import type { Problem } from '../../schema/index.ts'
import type { Writing } from '../operations.ts'
import type { FieldValidation } from '../registry/decode.ts'
import { isTrue } from './request-info.ts'

type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions' | 'ListOptions'

const VALIDATIONS: readonly string[] = ['', 'Ignore', 'Strict', 'Warn']
const MANAGER_MAX_BYTES = 128

/** dryRun, fieldValidation, … of a write. Throws Invalid for values that mean nothing. */
export function writingOf(query: URLSearchParams, kind: OptionsKind, subresource: string): Writing {
  const problems: Problem[] = []
  const manager = query.get('fieldManager')
  if (manager) checkManager(problems, manager)
  const dryRun = dryRunOf(problems, query.getAll('dryRun'))
  const validation = query.get('fieldValidation') || 'Warn'
  if (!VALIDATIONS.includes(validation))
    problems.push(notSupported('fieldValidation', validation, VALIDATIONS))
  if (kind === 'PatchOptions' && query.has('force'))
    problems.push({ type: 'Forbidden', field: 'force', detail: 'may not be specified for non-apply patch' })
  check(kind, problems)
  return { dryRun, validation: validation as FieldValidation, subresource }
}

function checkManager(out: Problem[], manager: string): void {
  if (Buffer.byteLength(manager) > MANAGER_MAX_BYTES)
    out.push({
      type: 'TooLong',
      field: 'fieldManager',
      detail: `may not be more than ${MANAGER_MAX_BYTES} bytes`,
    })
  const bad = /\p{C}/u.exec(manager)
  if (bad) {
    const code = bad[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
    const at = Buffer.byteLength(manager.slice(0, bad.index))
    const detail = `invalid character U+${code} (at position ${at})`
    out.push({ type: 'Invalid', field: 'fieldManager', value: manager, detail })
  }
}

function dryRunOf(out: Problem[], values: readonly string[]): boolean {
  if (values.some((value) => value !== 'All' && value !== ''))
    out.push(notSupported('dryRun', values, ['All']))
  return values.includes('All')
}

function notSupported(field: string, value: unknown, supported: readonly string[]): Problem {
  const list = supported.map((v) => JSON.stringify(v)).join(', ')
  return { type: 'NotSupported', field, value, detail: `supported values: ${list}` }
}

/** 422 that names the options, as for an object. */
function check(kind: OptionsKind, problems: readonly Problem[]): void {
  if (problems.length > 0)
    throw invalid({ group: 'meta.k8s.io', plural: kind.toLowerCase(), kind }, '', problems)
}

export function listOptionsOf(query: URLSearchParams, namespace: string): ListOptions {
  if (query.has('sendInitialEvents')) {
    const detail = 'sendInitialEvents is forbidden for list'
    check('ListOptions', [{ type: 'Forbidden', field: 'sendInitialEvents', detail }])
  }
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
  const bookmarks = isTrue(query.get('allowWatchBookmarks'))
  checkWatch(query)
  return {
    ...selectionOf(query, namespace),
    ...text(query, 'resourceVersion'),
    allowWatchBookmarks: bookmarks,
    ...(query.has('sendInitialEvents') ? { sendInitialEvents: isTrue(query.get('sendInitialEvents')) } : {}),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  } as Omit<WatchOptions, 'signal'>
}

function checkWatch(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? ''
  const isStreaming = query.has('sendInitialEvents')
  if (match === '' && !isStreaming) return
  const problems: Problem[] = []
  const forbid = (detail: string) =>
    problems.push({ type: 'Forbidden', field: 'resourceVersionMatch', detail })
  if (isStreaming && match !== 'NotOlderThan')
    forbid('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
  if (match !== '') {
    if (!isStreaming)
      forbid('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
    if (match !== 'NotOlderThan') problems.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']))
    if (query.get('continue')) forbid('resourceVersionMatch is forbidden when continue is provided')
  }
  check('ListOptions', problems)
}

function selectionOf(query: URLSearchParams, namespace: string) {
  return {
    namespace: namespace === '' ? undefined : namespace,
    ...text(query, 'labelSelector'),
    ...text(query, 'fieldSelector'),
  }
}

const POLICIES: readonly string[] = ['Foreground', 'Background', 'Orphan']

/** The options of a deletion: those of the body, else those of the query. */
export function deleteOptionsOf(query: URLSearchParams, body: MetaDeleteOptions | undefined): DeleteOptions {
  const grace = body?.gracePeriodSeconds ?? numberOf(query, 'gracePeriodSeconds')
  const orphan =
    body?.orphanDependents ??
    (query.has('orphanDependents') ? isTrue(query.get('orphanDependents')) : undefined)
  const given = body?.propagationPolicy ?? query.get('propagationPolicy') ?? undefined
  const problems: Problem[] = []
  if (given !== undefined && orphan !== undefined) {
    const both = 'orphanDependents and deletionPropagation cannot be both set'
    problems.push({ type: 'Invalid', field: 'propagationPolicy', value: given, detail: both })
  }
  if (given !== undefined && !POLICIES.includes(given))
    problems.push(notSupported('propagationPolicy', given, [...POLICIES, 'nil']))
  const dryRun = dryRunOf(problems, [...(body?.dryRun ?? []), ...query.getAll('dryRun')])
  check('DeleteOptions', problems)
  const policy = given ?? (orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background')
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: Math.max(grace, 0) }),
    ...(policy === undefined ? {} : { propagationPolicy: policy as 'Orphan' }),
    ...(body?.preconditions ? { preconditions: body.preconditions as { uid?: string } } : {}),
    dryRun,
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
