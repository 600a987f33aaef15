/** The rules of 10,000 Services in a network namespace of its own (root, nft): loading them, and changing one of them. */
import { execFileSync } from 'node:child_process'
import {
  type Frontend,
  machineCommand,
  nftKernel,
  RuleSet,
  renderChanges,
  renderNewChains,
  renderTable,
} from '../src/net/index.ts'
import { measure, type Result, report, spreadOf, timed } from './lib.ts'

const SERVICES = 10_000
const ENDPOINTS = 3
const LOADS = 3
const CHANGES = 30
const OPTIONS = { table: 'dhow_bench', podCidr: '10.244.0.0/16' }

function frontend(service: number, endpoints: number): Frontend {
  const targets = Array.from(
    { length: endpoints },
    (_, i) => `10.244.${(service >> 6) & 255}.${((service & 63) << 2) + i} . 8080`,
  )
  return {
    scope: 'all',
    address: `10.96.${service >> 8}.${service & 255}`,
    protocol: 'tcp',
    port: 80,
    action: { do: 'forward', targets },
    affinitySeconds: 0,
    masquerade: false,
    isClusterIp: true,
    sources: undefined,
    localAddresses: [],
  }
}

const namespace = `dhow-bench-${process.pid}`
execFileSync('ip', ['netns', 'add', namespace])
try {
  const kernel = nftKernel(OPTIONS, machineCommand(['nsenter', `--net=/run/netns/${namespace}`]))
  let rules = new RuleSet()
  // As the proxy does: the chains of counts that occurred once stay.
  let chains = new Set<string>()
  const sync = async (before = '') => {
    if (before) chains = new Set()
    const changes = rules
      .takeChanges()
      .filter((c) => c.map !== 'chains' || (c.to !== undefined && !chains.has(c.key)))
    for (const { map, key } of changes) if (map === 'chains') chains.add(key)
    await kernel.apply(
      before + renderNewChains(OPTIONS.table, changes) + renderChanges(OPTIONS.table, changes),
    )
  }
  const loads: number[] = []
  for (let i = 0; i < LOADS; i++) {
    rules = new RuleSet()
    for (let n = 0; n < SERVICES; n++) rules.setService(`default/s${n}`, `${n}`, [frontend(n, ENDPOINTS)])
    loads.push(await timed(() => sync(renderTable(OPTIONS))))
  }
  let next = SERVICES
  const add = await measure(CHANGES, () =>
    timed(() => {
      rules.setService(`default/s${next}`, `${next}`, [frontend(next++, ENDPOINTS)])
      return sync()
    }),
  )
  let endpoints = ENDPOINTS
  const scale = await measure(CHANGES, () =>
    timed(() => {
      endpoints = endpoints === ENDPOINTS ? ENDPOINTS - 1 : ENDPOINTS
      rules.setService('default/s7', '7', [frontend(7, endpoints)])
      return sync()
    }),
  )
  const remove = await measure(CHANGES, () =>
    timed(() => {
      rules.setService(`default/s${--next}`, `${next}`, [])
      return sync()
    }),
  )
  const read = await measure(3, () => timed(() => kernel.read()))
  const target = { is: '<=', value: 15 } as const
  const results: Result[] = [
    { name: `load ${SERVICES} Services of ${ENDPOINTS} endpoints`, unit: 'ms', spread: spreadOf(loads) },
    { name: 'add a Service', unit: 'ms', spread: add, target },
    // After a deletion nft only ends once the kernel has freed the memory; the change itself is in effect before.
    { name: 'an endpoint comes or goes', unit: 'ms', spread: scale },
    { name: 'remove a Service', unit: 'ms', spread: remove },
    { name: 'read all rules back', unit: 'ms', spread: read },
  ]
  report('Service proxy', results)
} finally {
  execFileSync('ip', ['netns', 'delete', namespace])
}
