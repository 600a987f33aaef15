import { ctr } from '../containerd.ts'
import type { ContainerdLayout } from '../layout.ts'

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
