import { run } from './exec.ts'
import { cniBinDir, findProgram } from './machine.ts'

/** Something the machine must have before a cluster runs on it, and why. */
export interface Requirement {
  readonly what: string
  readonly why: string
  /** Debian's and Ubuntu's package. */
  readonly package: string
  readonly isPresent: () => boolean
}

const program = (name: string, debian: string, why: string): Requirement => {
  return { what: name, why, package: debian, isPresent: () => findProgram(name) !== undefined }
}

const REQUIREMENTS: readonly Requirement[] = [
  program('containerd', 'containerd', 'runs the containers'),
  program('runc', 'runc', 'starts each container for containerd'),
  {
    what: 'CNI plugins',
    why: 'give each pod its network interface',
    package: 'containernetworking-plugins',
    isPresent: () => cniBinDir() !== undefined,
  },
  program('nft', 'nftables', "routes each Service's traffic to its pods"),
  program('iptables', 'iptables', 'lets the CNI plugin "portmap" serve host ports'),
  program('conntrack', 'conntrack', 'forgets UDP connections to pods that are gone'),
  program('socat', 'socat', 'carries forwarded ports into pods'),
  program('ip', 'iproute2', 'joins the nodes of this machine'),
  program('catatonit', 'catatonit', "is the process that keeps a pod's namespaces"),
  program('busybox', 'busybox-static', 'is what base images and the examples are built from'),
]

export function missingRequirements(requirements = REQUIREMENTS): readonly Requirement[] {
  return requirements.filter((r) => !r.isPresent())
}

/** What `up` prints before it installs anything. */
export function describeMissing(missing: readonly Requirement[]): string {
  const width = Math.max(...missing.map((r) => r.package.length))
  return missing.map((r) => `  ${r.package.padEnd(width)}  ${r.what} ${r.why}`).join('\n')
}

export class MissingPackagesError extends Error {
  override readonly name = 'MissingPackagesError'
  readonly packages: readonly string[]
  constructor(missing: readonly Requirement[], why: string) {
    const packages = missing.map((r) => r.package)
    super(
      `cannot start: ${why}\n${describeMissing(missing)}\ninstall them: apt-get install ${packages.join(' ')}`,
    )
    this.packages = packages
  }
}

/** Installs what is missing with apt-get; refuses with `MissingPackagesError` where it may not or cannot. */
export async function installPackages(
  missing: readonly Requirement[],
  onLine: (line: string) => void,
): Promise<void> {
  if (!findProgram('apt-get'))
    throw new MissingPackagesError(missing, 'this machine has no apt-get, and these are missing:')
  const packages = [...new Set(missing.map((r) => r.package))]
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  // What packages only recommend is left out: a cluster runs a containerd of its own, with its own settings.
  const install = [
    'apt-get',
    'install',
    '--yes',
    '--no-install-recommends',
    '-o',
    'DPkg::Lock::Timeout=120',
    ...packages,
  ]
  try {
    await run(install, { env, onLine, timeoutMs: 900_000 })
  } catch {
    await run(['apt-get', 'update', '-o', 'DPkg::Lock::Timeout=120'], { env, onLine, timeoutMs: 300_000 })
    await run(install, { env, onLine, timeoutMs: 900_000 })
  }
  const still = missingRequirements(missing)
  if (still.length > 0) throw new MissingPackagesError(still, 'apt-get ran, and these are still missing:')
}
