import {
  chmod,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Payload } from './payload.ts'

const DATA = '..data'
const NEXT = '..data_tmp'

/**
 * Writes a payload into `dir` so that readers see all of the old files or all of the new ones, never a mixture: the
 * files live in a folder of their own, `..data` points at the current one and is moved over in one step, and what
 * users see are links through it. Resolves to whether anything changed.
 */
export async function writeAtomically(
  dir: string,
  payload: Payload,
  fsGroup: number | undefined,
): Promise<boolean> {
  const current = await readlink(join(dir, DATA)).catch(() => undefined)
  if (current !== undefined && (await sameFiles(join(dir, current), payload))) {
    await linkTops(dir, payload)
    return false
  }
  const fresh = await mkdtemp(join(dir, '..v.'))
  await chmod(fresh, 0o755)
  for (const [path, file] of payload) {
    const target = join(fresh, path)
    await mkdir(dirname(target), { recursive: true, mode: 0o755 })
    await writeFile(target, file.data)
    await chmod(target, file.mode)
    if (file.uid !== undefined) await lchown(target, file.uid, -1)
  }
  if (fsGroup !== undefined) await giveToGroup(fresh, fsGroup, true)
  await rm(join(dir, NEXT), { force: true })
  await symlink(fresh.slice(dir.length + 1), join(dir, NEXT))
  await rename(join(dir, NEXT), join(dir, DATA))
  await linkTops(dir, payload)
  if (current !== undefined) await rm(join(dir, current), { recursive: true, force: true })
  return true
}

const topOf = (path: string): string => path.split('/')[0]!

/** The links users see: one for each first part of a path; links to what is gone go. */
async function linkTops(dir: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map(topOf))
  for (const name of await readdir(dir)) {
    if (name.startsWith('..')) continue
    if (wanted.delete(name)) continue
    await rm(join(dir, name), { force: true })
  }
  for (const name of wanted) await symlink(join(DATA, name), join(dir, name))
}

async function sameFiles(dir: string, payload: Payload): Promise<boolean> {
  const found = await filesBelow(dir)
  if (found.length !== payload.size) return false
  for (const path of found) {
    const wanted = payload.get(path)
    if (!wanted) return false
    const data = await readFile(join(dir, path))
    if (!data.equals(wanted.data)) return false
  }
  return true
}

async function filesBelow(dir: string, prefix = ''): Promise<string[]> {
  const out: string[] = []
  for (const entry of await readdir(dir, { withFileTypes: true }).catch(() => [])) {
    const path = prefix + entry.name
    if (entry.isDirectory()) out.push(...(await filesBelow(join(dir, entry.name), `${path}/`)))
    else out.push(path)
  }
  return out
}

/**
 * Makes everything below `dir` belong to the group and usable by it; new files in its folders inherit the group.
 * `readOnly` gives the group no right to write.
 */
export async function giveToGroup(dir: string, group: number, readOnly: boolean): Promise<void> {
  const stat = await lstat(dir)
  await lchown(dir, stat.uid, group)
  if (stat.isSymbolicLink()) return
  const mask = readOnly ? 0o440 : 0o660
  const mode = stat.mode & 0o7777
  if (!stat.isDirectory()) {
    await chmod(dir, mode | mask)
    return
  }
  await chmod(dir, mode | mask | 0o110 | 0o2000)
  for (const name of await readdir(dir)) await giveToGroup(join(dir, name), group, readOnly)
}
