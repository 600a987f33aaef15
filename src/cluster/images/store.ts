import { readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { load } from 'js-yaml'
import { ctr } from '../containerd.ts'
import { writeFileAtomic } from '../files.ts'
import { type ContainerdLayout, PAUSE_IMAGE } from '../layout.ts'
import { buildImage } from './archive.ts'
import { type ImageRecipe, parseRecipe, type Recipe } from './recipe.ts'

/** A recipe file and the folder that its relative paths start from. */
export async function readRecipe(path: string): Promise<{ recipe: Recipe; folder: string }> {
  const text = await readFile(path, 'utf8')
  let value: unknown
  try {
    value = load(text)
  } catch (cause) {
    throw new Error(`cannot read image recipe "${path}": expected YAML`, { cause })
  }
  return { recipe: parseRecipe(value, path), folder: dirname(path) }
}

/** Full names of the images that a node has, without the entries that name digests and config ids only. */
export async function listImages(containerd: ContainerdLayout): Promise<string[]> {
  const names = (await ctr(containerd.socket, ['images', 'list', '--quiet'])).split('\n').filter(Boolean)
  return names.filter((name) => !name.startsWith('sha256:') && !name.includes('@'))
}

/** Imports an OCI or docker archive; resolves to the names that came with it. */
export async function importImage(containerd: ContainerdLayout, file: string): Promise<string[]> {
  const names: string[] = []
  await ctr(containerd.socket, ['images', 'import', '--no-unpack=false', file], (line) => {
    const name = /^unpacking (\S+)/.exec(line)?.[1]
    if (name) names.push(name)
  })
  return names
}

export async function removeImage(containerd: ContainerdLayout, name: string): Promise<void> {
  await ctr(containerd.socket, ['images', 'remove', '--sync', name])
}

const PAUSE: ImageRecipe = {
  name: PAUSE_IMAGE,
  aliases: [],
  files: [{ is: 'copy', from: 'program:catatonit', path: '/pause', mode: 0o755, owner: '0:0' }],
  entrypoint: ['/pause', '-P'],
  cmd: [],
  env: {},
  workingDir: '/',
  user: '65535:65535',
  ports: [],
  stopSignal: '',
  labels: {},
}

/** The image of the process that holds a pod's namespaces, made from Debian's catatonit. */
export async function ensurePauseImage(containerd: ContainerdLayout): Promise<void> {
  if ((await listImages(containerd)).includes(PAUSE_IMAGE)) return
  const file = `${containerd.dir}/pause.tar`
  await writeFileAtomic(file, await buildImage(PAUSE, '/'))
  await importImage(containerd, file)
  await rm(file, { force: true })
}
