import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'
import { findProgram } from '../machine.ts'
import { canonicalName, type FileRecipe, type ImageRecipe } from './recipe.ts'

/** A file of a layer, as the archive holds it. */
interface LayerFile {
  readonly path: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly body:
    | { readonly is: 'file'; readonly content: Uint8Array }
    | { readonly is: 'link'; readonly target: string }
    | { readonly is: 'directory' }
}

const MAX_IMAGE_BYTES = 1024 * 1024 * 1024

/**
 * An OCI image layout as one tar, which `ctr images import` and every other tool takes. The same recipe and files give
 * the same bytes, so the image's digest changes only with its content.
 */
export async function buildImage(recipe: ImageRecipe, folder: string): Promise<Uint8Array> {
  const files = withParents((await Promise.all(recipe.files.map((file) => collect(file, folder)))).flat())
  const layer = await tar(files.map(tarEntry))
  const compressed = gzipSync(layer, { level: 1 })
  const config = json({
    created: '1970-01-01T00:00:00Z',
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: runConfig(recipe),
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'dhow image build' }],
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar+gzip', compressed)],
  })
  const names = [recipe.name, ...recipe.aliases].map(canonicalName)
  const index = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: names.map((name) => ({
      ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
      annotations: {
        'io.containerd.image.name': name,
        'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
      },
    })),
  })
  const blobs = [config, manifest, compressed].map((blob) =>
    entry(`blobs/sha256/${digestOf(blob).slice(7)}`, blob),
  )
  return tar([
    entry('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
    entry('index.json', index),
    ...blobs,
  ])
}

function runConfig(recipe: ImageRecipe) {
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...recipe.env }
  return {
    ...(recipe.user ? { User: recipe.user } : {}),
    ...(recipe.ports.length
      ? { ExposedPorts: Object.fromEntries(recipe.ports.map((p) => [p.includes('/') ? p : `${p}/tcp`, {}])) }
      : {}),
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    ...(recipe.entrypoint.length ? { Entrypoint: recipe.entrypoint } : {}),
    ...(recipe.cmd.length ? { Cmd: recipe.cmd } : {}),
    WorkingDir: recipe.workingDir,
    ...(recipe.stopSignal ? { StopSignal: recipe.stopSignal } : {}),
    ...(Object.keys(recipe.labels).length ? { Labels: recipe.labels } : {}),
  }
}

const json = (value: object) => Buffer.from(JSON.stringify(value))
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const descriptor = (mediaType: string, bytes: Uint8Array) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})

async function collect(file: FileRecipe, folder: string): Promise<LayerFile[]> {
  const [uid = 0, gid = 0] = file.owner.split(':').map(Number)
  const base = { uid, gid }
  switch (file.is) {
    case 'text':
      return [
        {
          ...base,
          path: file.path,
          mode: file.mode ?? 0o644,
          body: { is: 'file', content: Buffer.from(file.text) },
        },
      ]
    case 'link':
      return [{ ...base, path: file.path, mode: 0o777, body: { is: 'link', target: file.target } }]
    case 'directory':
      return [{ ...base, path: file.path, mode: file.mode ?? 0o755, body: { is: 'directory' } }]
    case 'copy': {
      const budget = { bytes: MAX_IMAGE_BYTES }
      return copyTree(sourceOf(file.from, folder), file.path, { ...base, mode: file.mode, budget })
    }
    default:
      return file satisfies never
  }
}

function sourceOf(from: string, folder: string): string {
  if (from.startsWith('program:')) {
    const name = from.slice('program:'.length)
    const found = findProgram(name)
    if (!found) throw new Error(`cannot build an image: program "${name}" is not on this machine`)
    return found
  }
  if (from.startsWith('/')) return from
  const path = resolve(folder, from)
  if (path !== resolve(folder) && !path.startsWith(resolve(folder) + sep)) {
    throw new Error(`cannot build an image: "${from}" is outside of the recipe's folder`)
  }
  return path
}

interface CopyOptions {
  readonly uid: number
  readonly gid: number
  readonly mode: number | undefined
  readonly budget: { bytes: number }
}

async function copyTree(source: string, target: string, options: CopyOptions): Promise<LayerFile[]> {
  const { uid, gid } = options
  // What the recipe names is followed (programs are often links); links inside of a folder stay links.
  const stat = await lstat(source)
  if (stat.isSymbolicLink())
    return [{ path: target, uid, gid, mode: 0o777, body: { is: 'link', target: await readlink(source) } }]
  if (stat.isDirectory()) {
    const children = (await readdir(source)).sort()
    const below = await Promise.all(
      children.map((name) => copyTree(join(source, name), join(target, name), options)),
    )
    return [{ path: target, uid, gid, mode: 0o755, body: { is: 'directory' } }, ...below.flat()]
  }
  if (!stat.isFile()) throw new Error(`cannot build an image: "${source}" is neither a file nor a folder`)
  options.budget.bytes -= stat.size
  if (options.budget.bytes < 0)
    throw new Error(`cannot build an image: its files are larger than ${MAX_IMAGE_BYTES / 2 ** 20} MiB`)
  return [
    {
      path: target,
      uid,
      gid,
      mode: options.mode ?? stat.mode & 0o777,
      body: { is: 'file', content: await readFile(source) },
    },
  ]
}

/** Adds the folders that files lie in, sorted so that a folder comes before what is in it; a later file wins. */
function withParents(files: readonly LayerFile[]): LayerFile[] {
  const all = new Map<string, LayerFile>()
  for (const file of files) {
    const path = file.path.replace(/\/+$/, '') || '/'
    const parts = path.split('/').slice(1, -1)
    parts.forEach((_, i) => {
      const parent = `/${parts.slice(0, i + 1).join('/')}`
      if (!all.has(parent))
        all.set(parent, { path: parent, mode: 0o755, uid: 0, gid: 0, body: { is: 'directory' } })
    })
    if (path !== '/') all.set(path, { ...file, path })
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

interface TarEntry {
  readonly header: Partial<Header> & { readonly name: string }
  readonly content: Uint8Array
}

const EPOCH = new Date(0)

const entry = (name: string, content: Uint8Array): TarEntry => ({
  header: { name, mode: 0o644, uid: 0, gid: 0, mtime: EPOCH, type: 'file' },
  content,
})

function tarEntry(file: LayerFile): TarEntry {
  const name = file.path.slice(1)
  const common = { mode: file.mode, uid: file.uid, gid: file.gid, mtime: EPOCH }
  switch (file.body.is) {
    case 'file':
      return { header: { ...common, name, type: 'file' }, content: file.body.content }
    case 'link':
      return {
        header: { ...common, name, type: 'symlink', linkname: file.body.target },
        content: new Uint8Array(),
      }
    case 'directory':
      return { header: { ...common, name: `${name}/`, type: 'directory' }, content: new Uint8Array() }
    default:
      return file.body satisfies never
  }
}

async function tar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack()
  const chunks: Buffer[] = []
  const ended = new Promise<void>((done, fail) => {
    archive.on('data', (chunk) => chunks.push(chunk as Buffer))
    archive.on('end', () => done())
    archive.on('error', fail)
  })
  for (const { header, content } of entries) {
    if (header.type === 'file')
      archive.entry(header, Buffer.from(content.buffer, content.byteOffset, content.byteLength))
    else archive.entry(header)
  }
  archive.finalize()
  await ended
  return Buffer.concat(chunks)
}
