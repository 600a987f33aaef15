import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { runCommand } from '../../src/cluster/index.ts'

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * A machine with a Debian that knows nothing of dhow, and root's account open to us. Its kernel is a process of this
 * machine (user-mode Linux); its network is a namespace of its own, from which a user-mode router leads outside.
 */
export interface Machine {
  /** Runs a shell script in a login session of its own. */
  run(script: string, options?: { readonly minutes?: number; readonly input?: string }): Promise<Result>
  /** The same; rejects unless it ends with 0, resolves to its stdout. */
  ok(script: string, options?: { readonly minutes?: number; readonly input?: string }): Promise<string>
  /** Copies a file in. */
  put(file: string, path: string): Promise<void>
  /** Everything is told to end, and the machine starts again. */
  reboot(): Promise<void>
  /** As a power cut does it: what was not on disk is lost. */
  cutPower(): Promise<void>
  /** Ends it for good; nothing of it is left. */
  remove(): Promise<void>
}

const MEMORY = '4G'
const BOOT_SECONDS = 180
/** The machine's end of its link, as the image is set up; this end is the gateway. */
const ADDRESS = '10.0.3.2'
const GATEWAY = '10.0.3.1'

/** Boots a copy of the image that `test/vm/image` made: what is written goes to a file of its own, the image stays. */
export async function startMachine(kernel: string, image: string): Promise<Machine> {
  const dir = mkdtempSync(join(tmpdir(), 'dhow-vm-'))
  const namespace = basename(dir)
  const console_ = () => readFileSync(join(dir, 'console'), 'utf8').slice(-4000)
  const router = await makeNetwork(namespace)
  let uml = boot(kernel, image, dir)

  const ssh = (program: string) => [
    ...['nsenter', `--net=/run/netns/${namespace}`, program, '-i', join(image, 'key')],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
    ...['-o', 'ConnectTimeout=10', '-o', 'ServerAliveInterval=15'],
  ]
  const run: Machine['run'] = async (script, { minutes = 5, input } = {}) => {
    const options = { timeoutMs: minutes * 60_000, ...(input === undefined ? {} : { input }) }
    const result = await runCommand([...ssh('ssh'), `root@${ADDRESS}`, script], options)
    return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr }
  }
  async function isUp(): Promise<void> {
    const deadline = performance.now() + BOOT_SECONDS * 1000
    for (;;) {
      if (hasEnded(uml)) throw new Error(`cannot boot the machine: its kernel ended\n${console_()}`)
      if ((await run('true')).code === 0) return
      if (performance.now() > deadline)
        throw new Error(`cannot boot the machine: no ssh after ${BOOT_SECONDS} s\n${console_()}`)
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
  const stop = () => {
    uml.kill('SIGKILL')
    router.kill('SIGKILL')
    execFileSync('ip', ['netns', 'delete', namespace])
    rmSync(dir, { recursive: true, force: true })
  }
  // Whatever ends the test ends the machine.
  process.once('exit', stop)
  const machine: Machine = {
    run,
    async ok(script, options) {
      const result = await run(script, options)
      if (result.code === 0) return result.stdout
      const said = result.stdout.slice(-6000) + result.stderr.slice(-6000)
      throw new Error(`in the machine, exit code ${result.code} of: ${script}\n${said}`)
    },
    async put(file, path) {
      await runOk([...ssh('scp'), '-q', file, `root@${ADDRESS}:${path}`])
    },
    async reboot() {
      // Its own restart would find the link in use, by itself before.
      const ended = new Promise((resolve) => uml.once('exit', resolve))
      await run('systemctl poweroff')
      await ended
      uml = boot(kernel, image, dir)
      await isUp()
    },
    async cutPower() {
      await kill(uml)
      uml = boot(kernel, image, dir)
      await isUp()
    },
    async remove() {
      await kill(uml)
      process.removeListener('exit', stop)
      stop()
    },
  }
  await isUp().catch(async (error) => {
    await machine.remove()
    throw error
  })
  return machine
}

function boot(kernel: string, image: string, dir: string): ChildProcess {
  const output = openSync(join(dir, 'console'), 'a')
  const args = [
    ...[`mem=${MEMORY}`, `ubd0=${join(dir, 'disk')},${join(image, 'disk.img')}`, 'root=/dev/ubda', 'rw'],
    ...['vec0:transport=tap,ifname=uml0,depth=64,gro=1', 'con=null', 'con0=null,fd:1'],
    // Its processes are held by seccomp, several times faster than by ptrace.
    ...['seccomp=on', 'quiet', `umid=${basename(dir)}`, `uml_dir=${dir}`],
  ]
  const command = [`--net=/run/netns/${basename(dir)}`, kernel, ...args]
  const child = spawn('nsenter', command, { stdio: ['ignore', output, output], cwd: dir })
  closeSync(output)
  return child
}

/** A network namespace with the machine's link, and a router that needs nothing of this machine's own network. */
async function makeNetwork(namespace: string): Promise<ChildProcess> {
  const inside = (...command: string[]) => ['nsenter', `--net=/run/netns/${namespace}`, ...command]
  await runOk(['ip', 'netns', 'add', namespace])
  await runOk(inside('ip', 'link', 'set', 'lo', 'up'))
  await runOk(inside('ip', 'tuntap', 'add', 'uml0', 'mode', 'tap'))
  await runOk(inside('ip', 'address', 'add', `${GATEWAY}/24`, 'dev', 'uml0'))
  await runOk(inside('ip', 'link', 'set', 'uml0', 'up'))
  await runOk(inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'))
  const rules = `table ip vm {
    chain out { type nat hook postrouting priority srcnat; ip saddr ${ADDRESS} oifname "tap0" masquerade; }
  }`
  await runOk(inside('nft', rules))
  const options = ['--configure', '--mtu=1500', '--disable-host-loopback', '--netns-type=path']
  const router = spawn('slirp4netns', [...options, `/run/netns/${namespace}`, 'tap0'], { stdio: 'ignore' })
  while ((await runCommand(inside('ip', 'route', 'get', '10.0.2.3'))).exitCode !== 0) {
    if (hasEnded(router)) throw new Error('cannot connect the machine to a network: slirp4netns ended')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return router
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function kill(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function runOk(command: readonly string[]): Promise<void> {
  const result = await runCommand(command, { timeoutMs: 300_000 })
  if (result.exitCode !== 0) throw new Error(`cannot run ${command.join(' ')}: ${result.stderr}`)
}
