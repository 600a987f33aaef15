import { readFile } from 'node:fs/promises'
import { attempt } from './exec.ts'

/** Mount points of /proc/self/mountinfo that lie below `dir`, the deepest and newest first. */
export function mountsBelow(mountinfo: string, dir: string): string[] {
  const points = mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((point) => point !== undefined)
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
  return points.filter((point) => point === dir || point.startsWith(`${dir}/`)).reverse()
}

/** Unmounts everything below `dir`; what is busy is detached and goes when its last user ends. */
export async function unmountBelow(dir: string): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const points = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), dir)
    if (points.length === 0) return
    for (const point of points) {
      if ((await attempt(['umount', point])).exitCode !== 0) await attempt(['umount', '--lazy', point])
    }
  }
  const left = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), dir)
  if (left.length > 0) throw new Error(`cannot unmount ${left.join(', ')}`)
}
