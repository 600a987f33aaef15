import { attempt } from './exec.ts'

/**
 * What the CNI plugin portmap leaves in a nat table: the chains of pods whose network was never taken down (after a crash),
 * and its own chains, once no pod of anybody uses them. Plain: from `iptables-save -t nat` to input for `iptables-restore`.
 */
export function planHostPortCleanup(
  saved: string,
  podCidr: string,
): { commands: readonly string[]; isEmptyAfter: boolean } {
  const lines = saved.split('\n')
  const rules = lines.filter((line) => line.startsWith('-A '))
  const chainOf = (rule: string) => rule.split(' ')[1]!
  const prefix = podCidr.split('.').slice(0, 2).join('.')
  const ofPods = new Set(
    rules.filter((r) => chainOf(r).startsWith('CNI-DN-') && r.includes(` ${prefix}.`)).map(chainOf),
  )
  const jumpsTo = (chains: ReadonlySet<string>) =>
    rules.filter((r) => chains.has(/ -j (\S+)/.exec(r)?.[1] ?? ''))
  const drop = (chains: ReadonlySet<string>, jumps: readonly string[]) => [
    ...jumps.map((rule) => rule.replace(/^-A/, '-D')),
    ...[...chains].map((chain) => `-F ${chain}`),
    ...[...chains].map((chain) => `-X ${chain}`),
  ]
  const podJumps = jumpsTo(ofPods)
  const commands = drop(ofPods, podJumps)
  const left = rules.filter((r) => !podJumps.includes(r) && !ofPods.has(chainOf(r)))
  const own = new Set(lines.map((line) => /^:(CNI-HOSTPORT-\S+)/.exec(line)?.[1] ?? '').filter(Boolean))
  if (own.size === 0 || left.some((r) => chainOf(r) === 'CNI-HOSTPORT-DNAT'))
    return { commands, isEmptyAfter: false }
  const ownJumps = jumpsTo(own).filter((r) => !own.has(chainOf(r)) && !ofPods.has(chainOf(r)))
  const others = left.filter((r) => !own.has(chainOf(r)) && !ownJumps.includes(r))
  const chains = lines.filter((line) => line.startsWith(':')).map((line) => line.slice(1).split(' '))
  const foreign = chains.filter(
    ([name = '', policy]) => !own.has(name) && !ofPods.has(name) && (policy === '-' || policy === 'DROP'),
  )
  return {
    commands: [...commands, ...drop(own, ownJumps)],
    isEmptyAfter: others.length === 0 && foreign.length === 0,
  }
}

/** In the host's network namespace. A nat table that is empty then, and so does nothing, goes too. */
export async function removeHostPortRules(podCidr: string): Promise<void> {
  for (const [iptables, family] of [['iptables', 'ip'] as const, ['ip6tables', 'ip6'] as const]) {
    // Asking iptables would make the table where there is none.
    const exists = await attempt(['nft', 'list', 'table', family, 'nat']).catch(() => undefined)
    if (exists?.exitCode !== 0) continue
    if (!exists.stdout.includes('chain ')) {
      await attempt(['nft', 'delete', 'table', family, 'nat'])
      continue
    }
    if (!exists.stdout.includes('CNI-HOSTPORT')) continue
    const saved = await attempt([`${iptables}-save`, '-t', 'nat'])
    const { commands, isEmptyAfter } = planHostPortCleanup(saved.stdout, podCidr)
    if (commands.length > 0)
      await attempt([`${iptables}-restore`, '--noflush'], { input: `*nat\n${commands.join('\n')}\nCOMMIT\n` })
    if (isEmptyAfter) await attempt(['nft', 'delete', 'table', family, 'nat'])
  }
}
