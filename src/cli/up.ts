import {
  adminKubeconfig,
  changeKubeconfig,
  findProgram,
  type Layout,
  mergeKubeconfig,
  up,
  userKubeconfig,
} from '../cluster/index.ts'
import { type ClusterOptions, type Context, nameFlag, requireRoot } from './context.ts'
import { Progress, table } from './output.ts'

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
  sayWhenInterrupted(progress, context, name)
  try {
    const result = await up({
      wishes: { name, dataDir, nodes, apiPort, podCidr, serviceCidr, nodeCidr, clusterDomain },
      install: flags.install,
      clock,
      insecureRegistries: flags.insecureRegistry ?? [],
      timeoutMs: flags.timeout * 1000,
      steps: progress,
      async onKeys(layout, pki, runs) {
        if (!flags.kubeconfig) return
        const file = userKubeconfig()
        const ours = adminKubeconfig(layout, {
          caPem: pki.ca.cert,
          certPem: pki.admin.cert,
          keyPem: pki.admin.key,
        })
        let isCurrent = false
        const changed = await changeKubeconfig(file, clock, (existing) => {
          const merged = mergeKubeconfig(existing, ours, !runs)
          isCurrent = merged['current-context'] === layout.contextName
          return merged
        })
        const what = isCurrent ? 'is the current one in' : 'is written to'
        if (changed) progress.note(`✓ context "${layout.contextName}" ${what} ${file}`)
      },
    })
    const { layout } = result
    if (result.unchanged) terminal.err.write(`cluster "${name}" is already running: nothing to do\n`)
    else
      terminal.err.write(`cluster "${name}" is up (${((clock.monotonic() - started) / 1000).toFixed(1)} s)\n`)
    if (result.isOlder) {
      const again = `${context.self} down${nameFlag(name)} && ${context.self} up${nameFlag(name)}`
      terminal.err.write(`it was started before the code here last changed: ${again} starts it anew\n`)
    }
    if (following && application) {
      const timeoutMs = flags.timeout * 1000
      await following.applyAndFollow(application, result, { ...context, name, progress, timeoutMs })
    } else if (!result.unchanged) {
      terminal.out.write(nextCommands(layout, context.self, flags.kubeconfig))
    }
    result.api.close()
  } catch (error) {
    progress.fail()
    throw error
  }
}

/** Ctrl-C ends this command only: every step may be interrupted, and the next `up` goes on from there. */
function sayWhenInterrupted(progress: Progress, { terminal, self }: Context, name: string): void {
  const flag = nameFlag(name)
  for (const [signal, exitCode] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
    process.once(signal, () => {
      progress.fail()
      terminal.err.write(
        `interrupted: what was started goes on running (${self} status${flag} says what, ${self} up${flag} goes on, ${self} down${flag} stops it)\n`,
      )
      process.exit(exitCode)
    })
  }
}

function nextCommands(layout: Layout, self: string, hasContext: boolean): string {
  const name = nameFlag(layout.config.name)
  const get = hasContext && findProgram('kubectl') ? 'kubectl get nodes' : `${self} get nodes${name}`
  const lines = [
    [get, 'the nodes of the cluster'],
    [`${self} up${name} -f examples/shop`, 'an application of several parts'],
    [`${self} status${name}`, 'what runs, and what is wrong'],
    [`${self} down${name}`, 'stop it; the data stays'],
  ]
  return `\ntry:\n${table(lines.map(([command = '', what = '']) => [`  ${command}`, what]))}`
}
