/**
 * How to make an image out of files of this machine, for places where no registry answers. Written in YAML or JSON
 * beside an application's manifests (`images/images.yaml`):
 *
 *     images:
 *       - name: shop/web:1.0
 *         files:
 *           - { path: /bin/busybox, from: program:busybox, mode: "0755" }
 *           - { path: /bin/sh, link: busybox }
 *           - { path: /www, from: web }           # a folder beside the recipe, with all in it
 *           - { path: /etc/hello, text: "hi\n" }
 *           - { path: /tmp, directory: true, mode: "1777" }
 *         entrypoint: [/bin/busybox, httpd, -f, -p, "8080", -h, /www]
 *         user: "1000:1000"
 */
export interface Recipe {
  readonly images: readonly ImageRecipe[]
}

export interface ImageRecipe {
  /** As a user would name it: `shop/web:1.0` is `docker.io/shop/web:1.0`. */
  readonly name: string
  /** Further names of the same image. */
  readonly aliases: readonly string[]
  readonly files: readonly FileRecipe[]
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
  readonly user: string
  readonly ports: readonly string[]
  readonly stopSignal: string
  readonly labels: Readonly<Record<string, string>>
}

export type FileRecipe = {
  readonly path: string
  readonly mode: number | undefined
  readonly owner: string
} & (
  | { readonly is: 'text'; readonly text: string }
  /** A path relative to the recipe, or `program:NAME` for a program of the machine's PATH. */
  | { readonly is: 'copy'; readonly from: string }
  | { readonly is: 'link'; readonly target: string }
  | { readonly is: 'directory' }
)

class RecipeError extends Error {
  override readonly name = 'RecipeError'
}

type Json = Readonly<Record<string, unknown>>

/** From parsed YAML or JSON; throws with the path of what is wrong. */
export function parseRecipe(value: unknown, source: string): Recipe {
  const fail = (at: string, expected: string): never => {
    throw new RecipeError(`cannot read image recipe "${source}": ${at}: expected ${expected}`)
  }
  const object = (v: unknown, at: string, keys: readonly string[]): Json => {
    if (typeof v !== 'object' || v === null || Array.isArray(v)) return fail(at, 'an object')
    const unknown = Object.keys(v).find((key) => !keys.includes(key))
    if (unknown !== undefined) return fail(`${at}.${unknown}`, `one of ${keys.join(', ')}`)
    return v as Json
  }
  const text = (v: unknown, at: string): string => (typeof v === 'string' ? v : fail(at, 'a string'))
  const texts = (v: unknown, at: string): string[] => {
    if (v === undefined) return []
    return Array.isArray(v) ? v.map((item, i) => text(item, `${at}[${i}]`)) : fail(at, 'a list of strings')
  }
  const map = (v: unknown, at: string): Record<string, string> => {
    const entries = Object.entries(v === undefined ? {} : (v as Json))
    return Object.fromEntries(entries.map(([key, item]) => [key, text(item, `${at}.${key}`)]))
  }
  const file = (v: unknown, at: string): FileRecipe => {
    const f = object(v, at, ['path', 'mode', 'owner', 'text', 'from', 'link', 'directory'])
    const path = text(f.path, `${at}.path`)
    if (!path.startsWith('/') || path.split('/').includes('..'))
      fail(`${at}.path`, 'an absolute path without ".."')
    const mode = f.mode === undefined ? undefined : Number.parseInt(text(f.mode, `${at}.mode`), 8)
    if (mode !== undefined && !(mode >= 0 && mode <= 0o7777))
      fail(`${at}.mode`, 'an octal mode in quotes, such as "0755"')
    const owner = f.owner === undefined ? '0:0' : text(f.owner, `${at}.owner`)
    if (!/^\d+:\d+$/.test(owner)) fail(`${at}.owner`, 'UID:GID in numbers')
    const base = { path, mode, owner }
    const given = ['text', 'from', 'link', 'directory'].filter((key) => f[key] !== undefined)
    if (given.length !== 1) fail(at, 'exactly one of text, from, link, directory')
    if (f.text !== undefined) return { ...base, is: 'text', text: text(f.text, `${at}.text`) }
    if (f.from !== undefined) return { ...base, is: 'copy', from: text(f.from, `${at}.from`) }
    if (f.link !== undefined) return { ...base, is: 'link', target: text(f.link, `${at}.link`) }
    return { ...base, is: 'directory' }
  }
  const image = (v: unknown, at: string): ImageRecipe => {
    const i = object(v, at, IMAGE_KEYS)
    if (!Array.isArray(i.files)) fail(`${at}.files`, 'a list')
    const name = text(i.name, `${at}.name`)
    try {
      canonicalName(name)
    } catch (error) {
      fail(`${at}.name`, (error as Error).message)
    }
    return {
      name,
      aliases: texts(i.aliases, `${at}.aliases`),
      files: (i.files as unknown[]).map((item, n) => file(item, `${at}.files[${n}]`)),
      entrypoint: texts(i.entrypoint, `${at}.entrypoint`),
      cmd: texts(i.cmd, `${at}.cmd`),
      env: map(i.env, `${at}.env`),
      workingDir: i.workingDir === undefined ? '/' : text(i.workingDir, `${at}.workingDir`),
      user: i.user === undefined ? '' : text(i.user, `${at}.user`),
      ports: texts(i.ports, `${at}.ports`),
      stopSignal: i.stopSignal === undefined ? '' : text(i.stopSignal, `${at}.stopSignal`),
      labels: map(i.labels, `${at}.labels`),
    }
  }
  const top = object(value, 'the file', ['images'])
  if (!Array.isArray(top.images)) return fail('images', 'a list')
  return { images: top.images.map((item, i) => image(item, `images[${i}]`)) }
}

const IMAGE_KEYS = [
  'name',
  'aliases',
  'files',
  'entrypoint',
  'cmd',
  'env',
  'workingDir',
  'user',
  'ports',
  'stopSignal',
  'labels',
]

/** The full name that containerd keeps an image under: `web` is `docker.io/library/web:latest`. */
export function canonicalName(name: string): string {
  const [first = '', ...rest] = name.split('/')
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  const registry = hasRegistry ? first : 'docker.io'
  const path = hasRegistry ? rest.join('/') : name
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path
  const [bare = '', digest] = repository.split('@')
  const colon = bare.indexOf(':', bare.lastIndexOf('/') + 1)
  const withoutTag = colon < 0 ? bare : bare.slice(0, colon)
  const tag = colon < 0 ? undefined : bare.slice(colon + 1)
  if (
    !/^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/.test(withoutTag) ||
    (tag !== undefined && !/^\w[\w.-]{0,127}$/.test(tag))
  ) {
    throw new Error(`an image name such as "shop/web:1.0", got "${name}"`)
  }
  if (digest !== undefined) return `${registry}/${withoutTag}${tag === undefined ? '' : `:${tag}`}@${digest}`
  return `${registry}/${withoutTag}:${tag ?? 'latest'}`
}
