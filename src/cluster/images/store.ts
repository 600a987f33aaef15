import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ctr } from '../containerd.ts'
import type { ContainerdLayout } from '../layout.ts'

/** On images that came from an archive: no registry need have them, so nodes that join later get copies. */
const IMPORTED = 'dhow.io/imported'

/** Full names of the images that a node has, without the entries that name digests and config ids only. */
export function listImages(containerd: ContainerdLayout): Promise<string[]> {
  return namesOf(containerd, [])
}

async function namesOf(containerd: ContainerdLayout, filters: readonly string[]): Promise<string[]> {
  const listed = await ctr(containerd.socket, ['images', 'list', '--quiet', ...filters])
  const names = listed.split('\n').filter(Boolean)
  return names.filter((name) => !name.startsWith('sha256:') && !name.includes('@'))
}

/** Imports an OCI or docker archive; resolves to the names that came with it. */
export async function importImage(containerd: ContainerdLayout, file: string): Promise<string[]> {
  const names: string[] = []
  await ctr(containerd.socket, ['images', 'import', '--no-unpack=false', file], (line) => {
    const name = /^unpacking (\S+)/.exec(line)?.[1]
    if (name) names.push(name)
  })
  for (const name of names) await ctr(containerd.socket, ['images', 'label', name, `${IMPORTED}=true`])
  return names
}

export async function removeImage(containerd: ContainerdLayout, name: string): Promise<void> {
  await ctr(containerd.socket, ['images', 'remove', '--sync', name])
}

/** Gives a node the images that were imported into another and that it lacks; resolves to their names. */
export async function copyImportedImages(from: ContainerdLayout, to: ContainerdLayout): Promise<string[]> {
  const [imported, present] = await Promise.all([
    namesOf(from, [`labels."${IMPORTED}"==true`]),
    listImages(to),
  ])
  const missing = imported.filter((name) => !present.includes(name))
  if (missing.length === 0) return []
  const dir = await mkdtemp(join(to.dir, 'images-'))
  try {
    const file = join(dir, 'images.tar')
    await ctr(from.socket, ['images', 'export', file, ...missing])
    return await importImage(to, file)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
