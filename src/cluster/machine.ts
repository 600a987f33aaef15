import { existsSync, readFileSync } from 'node:fs'

const CAP_SYS_RESOURCE = 24n

/** Whether this process (and so the children it starts) has a capability. */
export function hasCapability(status: string, capability: bigint): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return mask !== undefined && (BigInt(`0x${mask}`) & (1n << capability)) !== 0n
}

export function lacksSysResource(): boolean {
  return !hasCapability(readFileSync('/proc/self/status', 'utf8'), CAP_SYS_RESOURCE)
}

const CNI_DIRS = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni']

/** Where the machine has its CNI plugins: Debian's package, or the plugins' own default. */
export function cniBinDir(): string | undefined {
  return CNI_DIRS.find((dir) => existsSync(`${dir}/bridge`) && existsSync(`${dir}/host-local`))
}

/** The program's path, from PATH and the places where system programs are. */
export function findProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  const dirs = [
    ...path.split(':').filter(Boolean),
    '/usr/local/sbin',
    '/usr/local/bin',
    '/usr/sbin',
    '/usr/bin',
    '/sbin',
    '/bin',
  ]
  return dirs.map((dir) => `${dir}/${name}`).find((file) => existsSync(file))
}
