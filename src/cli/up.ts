import {
  adminKubeconfig,
  changeKubeconfig,
  type Layout,
  mergeKubeconfig,
  up,
  userKubeconfig,
} from '../cluster/index.ts'
import { type ClusterOptions, type Context, requireRoot } from './context.ts'
import { Progress } from './output.ts'

export interface UpFlags extends ClusterOptions {
  readonly filename?: readonly string[]
  readonly nodes?: number
  readonly install: boolean
  readonly apiPort?: number
  readonly podCidr?: string
  readonly serviceCidr?: string
  readonly nodeCidr?: string
  readonly clusterDomain?: string
  readonly insecureRegistry?: readonly string[]
  readonly kubeconfig: boolean
  readonly timeout: number
}

export async function upCommand(flags: UpFlags, context: Context): Promise<void> {
  requireRoot('up')
  const { clock, terminal } = context
  const { name, dataDir, nodes, apiPort, podCidr, serviceCidr, nodeCidr, clusterDomain } = flags
  const following = flags.filename && (await import('./up-apply.ts'))
  const application = following?.readApplication(flags.filename ?? [])
  const progress = new Progress(terminal, () => clock.monotonic())
  const started = clock.monotonic()
  try {
    const result = await up({
      wishes: { name, dataDir, nodes, apiPort, podCidr, serviceCidr, nodeCidr, clusterDomain },
      install: flags.install,
      clock,
      insecureRegistries: flags.insecureRegistry ?? [],
      timeoutMs: flags.timeout * 1000,
      steps: progress,
      async onKeys(layout, pki) {
        if (!flags.kubeconfig) return
        const file = userKubeconfig()
        const ours = adminKubeconfig(layout, {
          caPem: pki.ca.cert,
          certPem: pki.admin.cert,
          keyPem: pki.admin.key,
        })
        const changed = await changeKubeconfig(file, clock, (existing) => mergeKubeconfig(existing, ours))
        if (changed) progress.note(`✓ context "${layout.contextName}" is the current one in ${file}`)
      },
    })
    const { layout } = result
    if (result.unchanged) terminal.err.write(`cluster "${name}" is already running: nothing to do\n`)
    else
      terminal.err.write(`cluster "${name}" is up (${((clock.monotonic() - started) / 1000).toFixed(1)} s)\n`)
    if (following && application) {
      const timeoutMs = flags.timeout * 1000
      await following.applyAndFollow(application, result, { ...context, progress, timeoutMs })
    } else if (!result.unchanged) {
      terminal.out.write(nextCommands(layout))
    }
    result.api.close()
  } catch (error) {
    progress.fail()
    throw error
  }
}

function nextCommands(layout: Layout): string {
  const name = layout.config.name === 'dhow' ? '' : ` --name ${layout.config.name}`
  return `
try:
  kubectl get nodes
  ./dhow up${name} -f examples/shop    an application of several parts
  ./dhow status${name}                 what runs, and what is wrong
  ./dhow down${name}                   stop it; the data stays
`
}
