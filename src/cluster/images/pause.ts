import { rm } from 'node:fs/promises'
import { writeFileAtomic } from '../files.ts'
import { type ContainerdLayout, PAUSE_IMAGE } from '../layout.ts'
import type { ImageRecipe } from './recipe.ts'
import { importImage, listImages } from './store.ts'

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
  const { buildImage } = await import('./archive.ts')
  await writeFileAtomic(file, await buildImage(PAUSE, '/'))
  await importImage(containerd, file)
  await rm(file, { force: true })
}
