import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ObservedImage } from '../runtime/runtime.ts'
import type { Credential } from './credentials.ts'
import type { ImageReference } from './reference.ts'

/** Who was let in by the registry: everybody, or those with these credentials. */
interface Grant {
  readonly anonymous: boolean
  readonly credentials: readonly { readonly secret: string; readonly hash: string }[]
}

interface Contents {
  /** Pulls that were begun and not written down as done, by the image's full name. */
  readonly begun: readonly string[]
  /** By the image's id, then by the repository it came from. */
  readonly images: Readonly<Record<string, Readonly<Record<string, Grant>>>>
}

const EMPTY: Contents = { begun: [], images: {} }

/**
 * How the images of this node were pulled, so that a pod without the right credentials does not get what another one
 * pulled with them (Kubernetes' `imagePullCredentialsVerificationPolicy: NeverVerifyPreloadedImages`). Kept in a file: an
 * agent that starts again still knows. Without a file, in memory. Of credentials only a hash is kept.
 */
export class PullRecords {
  readonly #file: string | undefined
  #contents: Promise<Contents> | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(file?: string) {
    this.#file = file
  }

  /** Whether an image that is here may be used without asking its registry. `credentials` is called only where it matters. */
  async mayUse(
    present: Pick<ObservedImage, 'id' | 'digests'>,
    image: ImageReference,
    credentials: () => Promise<readonly Credential[]>,
  ): Promise<boolean> {
    const repository = repositoryOf(image)
    // No registry gave it this name: it was brought here by hand.
    if (!present.digests.some((d) => d.startsWith(`${repository}@`))) return true
    const { begun, images } = await this.#read()
    const grants = images[present.id]
    if (!grants) return !begun.includes(image.full)
    const grant = grants[repository]
    if (!grant) return false
    if (grant.anonymous) return true
    const own = await credentials()
    return own.some((c) =>
      grant.credentials.some((known) => known.secret === c.secret || known.hash === hashOf(c)),
    )
  }

  /** A pull is about to begin: if nobody says how it ended, it counts as one that needed credentials. */
  begin(image: ImageReference): Promise<void> {
    return this.#change((c) => (c.begun.includes(image.full) ? c : { ...c, begun: [...c.begun, image.full] }))
  }

  /** The pull succeeded, with this credential or with none. `present`: ids of all images there are; others are forgotten. */
  done(
    image: ImageReference,
    id: string,
    used: Credential | undefined,
    present: readonly string[],
  ): Promise<void> {
    return this.#change(({ begun, images }) => {
      const kept = Object.fromEntries(Object.entries(images).filter(([known]) => present.includes(known)))
      const repository = repositoryOf(image)
      const before = kept[id]?.[repository] ?? { anonymous: false, credentials: [] }
      const grant = used
        ? { ...before, credentials: withCredential(before.credentials, used) }
        : { ...before, anonymous: true }
      return {
        begun: begun.filter((name) => name !== image.full),
        images: { ...kept, [id]: { ...kept[id], [repository]: grant } },
      }
    })
  }

  /** The pull failed: the image is as it was before. */
  failed(image: ImageReference): Promise<void> {
    return this.#change((c) =>
      c.begun.includes(image.full) ? { ...c, begun: c.begun.filter((name) => name !== image.full) } : c,
    )
  }

  #read(): Promise<Contents> {
    this.#contents ??= (this.#file === undefined ? Promise.resolve(EMPTY) : load(this.#file)).catch(
      (error) => {
        this.#contents = undefined
        throw error
      },
    )
    return this.#contents
  }

  async #change(fn: (before: Contents) => Contents): Promise<void> {
    const work = this.#writing.then(async () => {
      const before = await this.#read()
      const next = fn(before)
      if (next === before) return
      this.#contents = Promise.resolve(next)
      if (this.#file !== undefined) await store(this.#file, next)
    })
    this.#writing = work.catch(() => {})
    await work
  }
}

const MAX_CREDENTIALS = 100

function withCredential(known: Grant['credentials'], used: Credential): Grant['credentials'] {
  const others = known.filter((c) => c.secret !== used.secret)
  return [...others, { secret: used.secret, hash: hashOf(used) }].slice(-MAX_CREDENTIALS)
}

const repositoryOf = ({ registry, repository }: ImageReference): string => `${registry}/${repository}`

const hashOf = ({ auth }: Credential): string =>
  createHash('sha256')
    .update(JSON.stringify([auth.username, auth.password]))
    .digest('hex')

async function load(file: string): Promise<Contents> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Contents
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY
    throw new Error(`cannot read how images were pulled from ${file}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

async function store(file: string, contents: Contents): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(`${file}.new`, JSON.stringify(contents), { mode: 0o600 })
  await rename(`${file}.new`, file)
}
