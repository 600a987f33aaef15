import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  buildImage,
  canonicalName,
  importImage,
  type Layout,
  listImages,
  readRecipe,
  removeImage,
} from '../cluster/index.ts'
import { type ClusterOptions, type Context, existingCluster, requireRoot, UsageError } from './context.ts'
import { table } from './output.ts'

export async function importCommand(
  files: readonly string[],
  options: ClusterOptions,
  { terminal }: Context,
): Promise<void> {
  requireRoot('image import')
  const { layout } = await existingCluster(options)
  for (const file of files) {
    if (!existsSync(file)) throw new UsageError(`cannot import "${file}": there is no such file`)
    const names = await importEverywhere(layout, file)
    terminal.out.write(names.map((name) => `${name}\n`).join(''))
  }
}

/** Into every node of the cluster. */
async function importEverywhere(layout: Layout, file: string): Promise<string[]> {
  const names = await Promise.all(
    layout.nodes.map((node) =>
      importImage(node.containerd, file).catch((cause) => {
        throw new Error(`cannot import "${file}": expected an OCI or docker archive of images`, { cause })
      }),
    ),
  )
  return [...new Set(names.flat())]
}

export async function listCommand(options: ClusterOptions, { terminal }: Context): Promise<void> {
  requireRoot('image list')
  const { layout } = await existingCluster(options)
  const rows = await Promise.all(
    layout.nodes.map(async (node) => (await listImages(node.containerd)).map((name) => [node.name, name])),
  )
  terminal.out.write(table([['NODE', 'IMAGE'], ...rows.flat()]))
}

export async function removeCommand(
  names: readonly string[],
  options: ClusterOptions,
  { terminal }: Context,
): Promise<void> {
  requireRoot('image remove')
  const { layout } = await existingCluster(options)
  for (const name of names) {
    const present = await Promise.all(layout.nodes.map((node) => listImages(node.containerd)))
    if (!present.flat().includes(canonicalName(name)))
      throw new UsageError(
        `cannot remove "${canonicalName(name)}": no node has it ("dhow image list" says what they have)`,
      )
    await Promise.all(layout.nodes.map((node) => removeImage(node.containerd, canonicalName(name))))
    terminal.out.write(`${canonicalName(name)} removed\n`)
  }
}

export interface BuildFlags extends ClusterOptions {
  readonly output?: string
}

export async function buildCommand(path: string, flags: BuildFlags, { terminal }: Context): Promise<void> {
  if (flags.output === undefined) requireRoot('image build')
  const layout = flags.output === undefined ? (await existingCluster(flags)).layout : undefined
  const { recipe, folder } = await readRecipe(path)
  if (flags.output !== undefined) await mkdir(flags.output, { recursive: true })
  for (const image of recipe.images) {
    const archive = await buildImage(image, folder)
    if (layout) {
      await importArchive(layout, archive)
    } else {
      const file = join(flags.output!, `${image.name.replaceAll(/[/:]/g, '_')}.tar`)
      await writeFile(file, archive)
      terminal.err.write(`wrote ${file}\n`)
    }
    terminal.out.write(`${canonicalName(image.name)}\n`)
  }
}

export async function importArchive(layout: Layout, archive: Uint8Array): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'dhow-image-'))
  try {
    const file = join(dir, 'image.tar')
    await writeFile(file, archive)
    await importEverywhere(layout, file)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
