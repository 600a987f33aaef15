import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { pack } from 'tar-stream'

export interface TestImage {
  readonly name: string
  /** Path in the image to a file of this machine. */
  readonly files: Readonly<Record<string, string>>
  readonly links?: Readonly<Record<string, string>>
  readonly text?: Readonly<Record<string, string>>
  readonly config: {
    readonly Entrypoint?: readonly string[]
    readonly Cmd?: readonly string[]
    readonly User?: string
    readonly StopSignal?: string
  }
}

/** Writes an archive as `docker save` makes it, from files of this machine, for `ctr images import`. */
export async function writeImageArchive(path: string, images: readonly TestImage[]): Promise<void> {
  const archive = pack()
  const chunks: Buffer[] = []
  const done = (async () => {
    for await (const chunk of archive) chunks.push(chunk as Buffer)
  })()
  const manifest: object[] = []
  for (const [i, image] of images.entries()) {
    const layer = await layerOf(image)
    const config = JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: image.config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
    })
    archive.entry({ name: `layer${i}.tar` }, layer)
    archive.entry({ name: `config${i}.json` }, config)
    manifest.push({ Config: `config${i}.json`, RepoTags: [image.name], Layers: [`layer${i}.tar`] })
  }
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest))
  archive.finalize()
  await done
  await writeFile(path, Buffer.concat(chunks))
}

async function layerOf(image: TestImage): Promise<Buffer> {
  const layer = pack()
  const chunks: Buffer[] = []
  const done = (async () => {
    for await (const chunk of layer) chunks.push(chunk as Buffer)
  })()
  for (const dir of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'var']) {
    layer.entry({ name: dir, type: 'directory', mode: dir === 'tmp' ? 0o1777 : 0o755 })
  }
  for (const [name, source] of Object.entries(image.files))
    layer.entry({ name, mode: 0o755 }, await readFile(source))
  for (const [name, text] of Object.entries(image.text ?? {})) layer.entry({ name, mode: 0o644 }, text)
  for (const [name, target] of Object.entries(image.links ?? {}))
    layer.entry({ name, type: 'symlink', linkname: target })
  layer.finalize()
  await done
  return Buffer.concat(chunks)
}

const APPLETS = [
  'sh',
  'cat',
  'echo',
  'sleep',
  'true',
  'false',
  'ls',
  'id',
  'env',
  'httpd',
  'nc',
  'wget',
  'touch',
  'rm',
  'mkdir',
  'stat',
  'hostname',
  'date',
  'trap',
  'kill',
  'ps',
  'grep',
  'head',
  'tail',
  'test',
  'dd',
  'mv',
  'ln',
  'tr',
  'cut',
  'df',
]

export const PAUSE_IMAGE = 'dhow.local/pause:1'
export const BUSYBOX_IMAGE = 'dhow.local/busybox:1'
/** The same, but it is told to end by SIGUSR1. */
export const STOP_SIGNAL_IMAGE = 'dhow.local/busybox:usr1'

const BUSYBOX: TestImage = {
  name: BUSYBOX_IMAGE,
  files: { 'bin/busybox': '/bin/busybox' },
  links: Object.fromEntries(APPLETS.map((a) => [`bin/${a}`, 'busybox'])),
  text: {
    'etc/passwd': 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n',
    'etc/group': 'root:x:0:\nnobody:x:65534:\n',
  },
  config: { Cmd: ['sh'] },
}

/** The sandbox image and a busybox, from Debian's catatonit and busybox-static. */
export const TEST_IMAGES: readonly TestImage[] = [
  {
    name: PAUSE_IMAGE,
    files: { catatonit: '/usr/bin/catatonit' },
    config: { Entrypoint: ['/catatonit', '-P'] },
  },
  BUSYBOX,
  { ...BUSYBOX, name: STOP_SIGNAL_IMAGE, config: { ...BUSYBOX.config, StopSignal: 'SIGUSR1' } },
]
