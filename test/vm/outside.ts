import { existsSync } from 'node:fs'
import { runCommand } from '../../src/cluster/index.ts'
import type { Machine } from './machine.ts'

const BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
const NPM_SETTINGS = ['registry', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl', 'replace-registry-host']

/** Lets the machine reach package registries as this one does: authorities that are trusted, npm's and proxies' settings. */
export async function connectToOutside(machine: Machine): Promise<void> {
  if (existsSync(BUNDLE)) await machine.put(BUNDLE, BUNDLE)
  const npmrc = [`cafile=${BUNDLE}`]
  for (const name of NPM_SETTINGS) {
    const value = (await runCommand(['npm', 'config', 'get', name])).stdout.trim()
    if (value !== '' && value !== 'null' && value !== 'undefined') npmrc.push(`${name}=${value}`)
  }
  await machine.ok('cat > /root/.npmrc', { input: `${npmrc.join('\n')}\n` })
  const proxies = Object.entries(process.env).filter(([name]) => /^(https?|no|all)_proxy$/i.test(name))
  const environment = proxies.map(([name, value]) => `${name}=${value}\n`).join('')
  if (environment) await machine.ok('cat >> /etc/environment', { input: environment })
}
