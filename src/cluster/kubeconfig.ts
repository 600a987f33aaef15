import { chownSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { dump, load } from 'js-yaml'
import type { Clock } from '../base/index.ts'
import { lockFile, writeFileAtomic } from './files.ts'
import type { Layout } from './layout.ts'

interface Named {
  readonly name: string
  readonly [key: string]: unknown
}

/** The parts of a kubeconfig that are looked at; everything else in it is kept as it is. */
export interface Kubeconfig {
  readonly clusters?: readonly Named[] | null
  readonly users?: readonly Named[] | null
  readonly contexts?: readonly Named[] | null
  readonly 'current-context'?: string
  readonly [key: string]: unknown
}

export interface AdminAccess {
  readonly caPem: string
  readonly certPem: string
  readonly keyPem: string
}

/** A kubeconfig with one context for the cluster's administrator. */
export function adminKubeconfig(layout: Layout, access: AdminAccess): Kubeconfig {
  const name = layout.contextName
  const base64 = (pem: string) => Buffer.from(pem).toString('base64')
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server: layout.apiUrl, 'certificate-authority-data': base64(access.caPem) } },
    ],
    users: [
      {
        name: `${name}-admin`,
        user: { 'client-certificate-data': base64(access.certPem), 'client-key-data': base64(access.keyPem) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: `${name}-admin` } }],
    'current-context': name,
  }
}

/**
 * `existing` with the entries of `ours` in it. Its context becomes the current one when it was not there, or with
 * `makeCurrent`. Nothing else changes.
 */
export function mergeKubeconfig(
  existing: Kubeconfig | undefined,
  ours: Kubeconfig,
  makeCurrent = false,
): Kubeconfig {
  const current = ours['current-context']!
  const isNew = !(existing?.contexts ?? []).some((c) => c.name === current)
  const merged = (before: readonly Named[] | null | undefined, add: readonly Named[] | null | undefined) => {
    const names = new Set((add ?? []).map((entry) => entry.name))
    return [...(before ?? []).filter((entry) => !names.has(entry.name)), ...(add ?? [])]
  }
  return {
    apiVersion: 'v1',
    kind: 'Config',
    ...existing,
    clusters: merged(existing?.clusters, ours.clusters),
    users: merged(existing?.users, ours.users),
    contexts: merged(existing?.contexts, ours.contexts),
    'current-context': isNew || makeCurrent ? current : (existing?.['current-context'] ?? current),
  }
}

/** `existing` without the entries of that context; undefined when there were none. */
export function withoutContext(existing: Kubeconfig, name: string): Kubeconfig | undefined {
  const without = (entries: readonly Named[] | null | undefined, gone: string) =>
    (entries ?? []).filter((e) => e.name !== gone)
  if (
    !(existing.contexts ?? []).some((c) => c.name === name) &&
    !(existing.clusters ?? []).some((c) => c.name === name)
  )
    return undefined
  return {
    ...existing,
    clusters: without(existing.clusters, name),
    users: without(existing.users, `${name}-admin`),
    contexts: without(existing.contexts, name),
    'current-context': existing['current-context'] === name ? '' : (existing['current-context'] ?? ''),
  }
}

/** kubectl writes to the first file of KUBECONFIG, or to ~/.kube/config; under sudo, to that of the user who asked. */
export function userKubeconfig(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const listed = (env.KUBECONFIG ?? '').split(':').filter(Boolean)
  if (listed.length > 0) return listed.find((file) => existsSync(file)) ?? listed[0]!
  return join(sudoHome(env) ?? homedir(), '.kube', 'config')
}

function sudoHome(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (!env.SUDO_USER || env.SUDO_USER === 'root') return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((l) => l.startsWith(`${env.SUDO_USER}:`))
  return line?.split(':')[5]
}

export function kubeconfigText(config: Kubeconfig): string {
  return dump(config, { lineWidth: -1 })
}

/** Changes the file under kubectl's own lock; a file that cannot be read is left alone, with an error. */
export async function changeKubeconfig(
  file: string,
  clock: Clock,
  change: (config: Kubeconfig | undefined) => Kubeconfig | undefined,
): Promise<boolean> {
  const dir = dirname(file)
  const isNewDir = !existsSync(dir)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const release = await lockFile(`${file}.lock`, clock, 5_000)
  try {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    let existing: unknown
    try {
      existing = text.trim() === '' ? undefined : load(text)
    } catch (cause) {
      throw new Error(
        `cannot add a context to "${file}": expected YAML (repair it, or name another file in KUBECONFIG)`,
        { cause },
      )
    }
    if (existing !== undefined && (typeof existing !== 'object' || Array.isArray(existing))) {
      throw new Error(`cannot add a context to "${file}": expected a kubeconfig`)
    }
    const changed = change(existing as Kubeconfig | undefined)
    if (!changed) return false
    const changedText = kubeconfigText(changed)
    if (changedText === text) return false
    const mode = existsSync(file) ? statSync(file).mode & 0o777 : 0o600
    const owner = existsSync(file) ? statSync(file) : statSync(dirname(dir))
    // A link stays one: some keep their configuration elsewhere.
    const real = existsSync(file) ? realpathSync(file) : file
    await writeFileAtomic(real, changedText, mode)
    chownSync(real, owner.uid, owner.gid)
    if (isNewDir) chownSync(dir, owner.uid, owner.gid)
    return true
  } finally {
    await release()
  }
}

export async function loadKubeconfig(file: string): Promise<Kubeconfig> {
  return load(await readFile(file, 'utf8')) as Kubeconfig
}

/** Where a context leads and the keys it names inline; undefined when it is not there, or names files. */
export function findUserContext(
  config: Kubeconfig,
  name: string,
): (AdminAccess & { readonly server: string }) | undefined {
  const find = (entries: readonly Named[] | null | undefined, wanted: unknown) =>
    (entries ?? []).find((e) => e.name === wanted)
  const context = find(config.contexts, name)?.context as { cluster?: string; user?: string } | undefined
  const cluster = find(config.clusters, context?.cluster)?.cluster as Record<string, string> | undefined
  const user = find(config.users, context?.user)?.user as Record<string, string> | undefined
  const pem = (base64: string | undefined) => base64 && Buffer.from(base64, 'base64').toString()
  const caPem = pem(cluster?.['certificate-authority-data'])
  const certPem = pem(user?.['client-certificate-data'])
  const keyPem = pem(user?.['client-key-data'])
  return cluster?.server && caPem && certPem && keyPem
    ? { server: cluster.server, caPem, certPem, keyPem }
    : undefined
}
