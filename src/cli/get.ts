import { text as readText } from 'node:stream/consumers'
import { dump } from 'js-yaml'
import { kindFor } from '../api/index.ts'
import { collectionPath, type HttpsApi, objectPath, query } from '../client/index.ts'
import type { Kind, KubeObject } from '../schema/index.ts'
import { type Context, UsageError } from './context.ts'
import { clusterApi, nameOf, namespaceOf, type ObjectOptions, parseTargets, type Target } from './objects.ts'
import { table } from './output.ts'

export interface GetFlags extends ObjectOptions {
  readonly allNamespaces?: boolean
  readonly output?: string
  readonly selector?: string
  readonly fieldSelector?: string
  readonly watch?: boolean
}

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io, application/json'

interface TableObject {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority?: number }[]
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object?: Partial<KubeObject> }[]
}

export async function getCommand(
  words: readonly string[],
  flags: GetFlags,
  { terminal }: Context,
): Promise<void> {
  if (flags.output !== undefined && !['wide', 'yaml', 'json', 'name'].includes(flags.output)) {
    throw new UsageError(`cannot print as "${flags.output}": expected wide, yaml, json or name`)
  }
  const api = await clusterApi(flags)
  try {
    const targets = parseTargets(words)
    if (flags.watch) return await watchTarget(api, targets, flags, terminal)
    if (flags.output === undefined || flags.output === 'wide')
      return await printTables(api, targets, flags, terminal)
    const objects = (await Promise.all(targets.map((target) => fetchObjects(api, target, flags)))).flat()
    terminal.out.write(
      printObjects(objects, flags.output, targets.length === 1 && targets[0]!.name !== undefined),
    )
  } finally {
    api.close()
  }
}

async function printTables(
  api: HttpsApi,
  targets: readonly Target[],
  flags: GetFlags,
  terminal: Context['terminal'],
): Promise<void> {
  const filled: string[] = []
  const empty: string[] = []
  for (const target of targets) {
    const [head, ...rows] = await tableRows(api, target, flags)
    const { plural, namespaced } = target.kind.resource
    const where = namespaced && !flags.allNamespaces ? ` in namespace "${flags.namespace ?? 'default'}"` : ''
    if (rows.length === 0) empty.push(`no ${plural}${where}\n`)
    else filled.push(table([head!, ...(targets.length > 1 ? withKind(target.kind, head!, rows) : rows)]))
  }
  terminal.out.write(filled.join('\n'))
  if (filled.length === 0) terminal.err.write(empty.length > 1 ? 'none of these\n' : (empty[0] ?? ''))
}

/** Among tables of several kinds, each row says which it is of. */
function withKind(kind: Kind, head: readonly string[], rows: readonly string[][]): string[][] {
  const at = head.indexOf('NAME')
  return rows.map((row) => row.map((cell, i) => (i === at ? nameOf(kind, cell) : cell)))
}

async function tableRows(api: HttpsApi, { kind, name }: Target, flags: GetFlags): Promise<string[][]> {
  const namespace = flags.allNamespaces ? undefined : namespaceOf(kind, flags)
  const search = query({ labelSelector: flags.selector, fieldSelector: flags.fieldSelector })
  const path =
    name === undefined
      ? collectionPath(kind.resource, namespace) + search
      : objectPath(kind.resource, { namespace, name })
  const response = await api.request({ path, headers: { accept: TABLE } })
  const { columnDefinitions, rows } = JSON.parse(await readText(response.body)) as TableObject
  const shown = columnDefinitions
    .map((c, i) => ({ ...c, i }))
    .filter((c) => flags.output === 'wide' || !c.priority)
  const withNamespace = flags.allNamespaces && kind.resource.namespaced
  const head = [...(withNamespace ? ['NAMESPACE'] : []), ...shown.map((c) => c.name.toUpperCase())]
  const body = rows.map((row) => [
    ...(withNamespace ? [row.object?.metadata?.namespace ?? ''] : []),
    ...shown.map((c) => String(row.cells[c.i] ?? '')),
  ])
  return [head, ...body]
}

async function fetchObjects(api: HttpsApi, { kind, name }: Target, flags: GetFlags): Promise<KubeObject[]> {
  const namespace = flags.allNamespaces ? undefined : namespaceOf(kind, flags)
  if (name !== undefined) return [await api.get(kind, { namespace, name })]
  const { items } = await api.list(kind, {
    namespace,
    ...(flags.selector ? { labelSelector: flags.selector } : {}),
    ...(flags.fieldSelector ? { fieldSelector: flags.fieldSelector } : {}),
  })
  return [...items]
}

function printObjects(objects: readonly KubeObject[], format: string, single: boolean): string {
  if (format === 'name') {
    return objects.map((o) => `${nameOf(kindFor(o.apiVersion, o.kind)!, o.metadata.name)}\n`).join('')
  }
  const value = single ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects }
  return format === 'json'
    ? `${JSON.stringify(value, undefined, 2)}\n`
    : dump(value, { lineWidth: -1, noRefs: true })
}

async function watchTarget(
  api: HttpsApi,
  targets: readonly Target[],
  flags: GetFlags,
  terminal: Context['terminal'],
): Promise<void> {
  if (targets.length !== 1) throw new UsageError('expected one resource type to watch')
  const { kind, name } = targets[0]!
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const namespace = flags.allNamespaces ? undefined : namespaceOf(kind, flags)
  const selectors = [flags.fieldSelector, name && `metadata.name=${name}`].filter(Boolean).join(',')
  const options = {
    namespace,
    signal: stop.signal,
    ...(flags.selector ? { labelSelector: flags.selector } : {}),
    ...(selectors ? { fieldSelector: selectors } : {}),
  }
  const widths: number[] = []
  let headed = false
  for await (const event of api.watch(kind as Kind, options)) {
    if (event.type === 'BOOKMARK') continue
    const { metadata } = event.object
    if (event.type === 'DELETED') {
      terminal.out.write(`${nameOf(kind, metadata.name)} deleted\n`)
      continue
    }
    const target = { kind, name: metadata.name }
    const place = metadata.namespace ? { namespace: metadata.namespace } : {}
    const cells = await tableRows(api, target, { ...flags, allNamespaces: false, ...place }).catch(() => [])
    const withNamespace = flags.allNamespaces && kind.resource.namespaced
    const rows = cells.map((row, i) =>
      withNamespace ? [i === 0 ? 'NAMESPACE' : (metadata.namespace ?? ''), ...row] : row,
    )
    terminal.out.write(table(headed ? rows.slice(1) : rows, widths))
    headed = true
  }
}
