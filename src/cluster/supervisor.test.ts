import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLog, systemClock } from '../base/index.ts'
import { lockFile, lockHolder } from './files.ts'
import { countEarlyExits, type Part, restartDelayMs } from './parts.ts'
import { findProcesses, identify, isAliveSync, startTicksOf, stopProcess } from './process.ts'
import { readSupervisorState, rotate, Supervisor } from './supervisor.ts'

const clock = systemClock()
const dir = mkdtempSync(join(tmpdir(), 'dhow-supervisor-'))
let counter = 0

after(() => rmSync(dir, { recursive: true, force: true }))

async function until<T>(what: string, read: () => T | Promise<T | undefined> | undefined): Promise<T> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const value = await read()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`waited 10 s for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function setup(script: string) {
  const runDir = join(dir, `run${++counter}`)
  const part: Part = {
    name: 'part',
    command: ['/bin/sh', '-c', `${script} # ${runDir}`],
    env: { GREETING: 'hello' },
    log: join(runDir, 'part.log'),
  }
  const options = { runDir, clock, log: silentLog, pollMs: 20 }
  const running = async () => (await readSupervisorState(runDir).catch(() => undefined))?.parts.part?.process
  const alive = () =>
    until('the part to run', async () => {
      const process = await running()
      return process && isAliveSync(process) ? process : undefined
    })
  return { runDir, part, options, alive }
}

test('a process that dies is started again, and its output is kept', async () => {
  const { part, options, alive, runDir } = setup('echo "$GREETING from $$"; exec sleep 1000')
  const supervisor = await Supervisor.start([part], options)
  const first = await alive()
  await until('its output', () => readFileSync(part.log, 'utf8').includes(`hello from ${first.pid}`))
  process.kill(first.pid, 'SIGKILL')
  const second = await until('the next start', async () => {
    const now = await alive()
    return now.pid !== first.pid ? now : undefined
  })
  const state = (await readSupervisorState(runDir))!.parts.part!
  assert.equal(state.restarts, 1)
  assert.match(state.lastExit!, /^killed by SIGKILL at /)
  supervisor.stop()
  await stopProcess(second, clock, 1000)
})

test('what runs outlives its supervisor, and the next one adopts it, then heals it', async () => {
  const { part, options, alive } = setup('exec sleep 1000')
  const first = await Supervisor.start([part], options)
  const before = await alive()
  first.stop()
  const second = await Supervisor.start([part], options)
  assert.deepEqual(await alive(), before)
  process.kill(before.pid, 'SIGKILL')
  const healed = await until('the next start', async () => {
    const now = await alive()
    return now.pid !== before.pid ? now : undefined
  })
  second.stop()
  await stopProcess(healed, clock, 1000)
})

test('a process that was started just before its supervisor was killed is found without its pid file', async () => {
  const { part, options, alive, runDir } = setup('while :; do sleep 1000; done')
  const first = await Supervisor.start([part], options)
  const before = await alive()
  first.stop()
  rmSync(join(runDir, 'supervisor.json'))
  const second = await Supervisor.start([part], options)
  assert.deepEqual(await alive(), before)
  second.stop()
  await stopProcess(before, clock, 1000)
})

test('with a full disk it goes on: what dies is started again, and written down once there is room', async () => {
  const { part, options, alive, runDir } = setup('exec sleep 1000')
  const supervisor = await Supervisor.start([part], options)
  const before = await alive()
  // No file can be written over a folder.
  mkdirSync(join(runDir, 'supervisor.json.tmp'))
  process.kill(before.pid, 'SIGKILL')
  const isOurs = (args: readonly string[]) => args.join(' ').endsWith('sleep 1000') && args.length === 2
  const lives = async () =>
    (await findProcesses(isOurs)).find((p) => p.parent === process.pid && p.pid !== before.pid)
  const after = await until('the next start', lives)
  rmSync(join(runDir, 'supervisor.json.tmp'), { recursive: true })
  assert.equal((await alive()).pid, after.pid)
  supervisor.stop()
  await stopProcess(await alive(), clock, 1000)
})

test('a part whose log cannot be opened is tried again', async () => {
  const { part, options, alive, runDir } = setup('exec sleep 1000')
  const log = join(runDir, 'logs', 'part.log')
  mkdirSync(log, { recursive: true })
  const supervisor = await Supervisor.start([{ ...part, log }], options)
  await until('the reason', async () =>
    /did not start: EISDIR/.test((await readSupervisorState(runDir))?.parts.part?.lastExit ?? ''),
  )
  rmSync(log, { recursive: true })
  const started = await alive()
  supervisor.stop()
  await stopProcess(started, clock, 1000)
})

test('a part that is no longer wanted is stopped, a changed one replaced', async () => {
  const { part, options, alive } = setup('exec sleep 1000')
  const supervisor = await Supervisor.start([part], options)
  const before = await alive()
  await supervisor.apply([{ ...part, env: { GREETING: 'bye' } }])
  const changed = await alive()
  assert.notEqual(changed.pid, before.pid)
  assert.ok(!isAliveSync(before))
  await supervisor.apply([])
  assert.ok(!isAliveSync(changed))
  supervisor.stop()
})

test('a program that is missing is reported, not fatal', async () => {
  const { part, options, runDir } = setup('')
  const supervisor = await Supervisor.start([{ ...part, command: ['/no/such/program'] }], options)
  const state = await until('the report', async () => {
    const now = (await readSupervisorState(runDir))?.parts.part
    return now?.lastExit ? now : undefined
  })
  assert.match(state.lastExit!, /did not start/)
  supervisor.stop()
})

test('restarts are immediate once, then back off up to three seconds, and forget after a stable run', () => {
  assert.deepEqual([0, 1, 2, 3, 8, 50].map(restartDelayMs), [0, 100, 200, 400, 3_000, 3_000])
  assert.equal(countEarlyExits(3, 5_000), 4)
  assert.equal(countEarlyExits(3, 11_000), 0)
})

test('a recycled pid is not mistaken for the process that had it', async () => {
  const child = spawn('sleep', ['1000'])
  const identity = identify(child.pid!)!
  const other = { ...identity, startTicks: '1' }
  assert.ok(!isAliveSync(other))
  await stopProcess(other, clock, 1000)
  assert.ok(isAliveSync(identity))
  await stopProcess(identity, clock, 1000)
  assert.ok(!isAliveSync(identity))
  assert.equal(startTicksOf('12 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20'), '777')
})

test('a lock has one holder, and that of a dead process is taken over', async () => {
  const path = join(dir, 'a.lock')
  const release = await lockFile(path, clock)
  const waitedFor: number[] = []
  await assert.rejects(
    lockFile(path, clock, 200, (pid) => waitedFor.push(pid)),
    new RegExp(`process ${process.pid} has held it`),
  )
  assert.deepEqual(waitedFor, [process.pid])
  assert.equal((await lockHolder(path))?.pid, process.pid)
  await release()
  assert.equal(await lockHolder(path), undefined)
  writeFileSync(path, JSON.stringify({ pid: process.pid, startTicks: '1', bootId: 'another' }))
  assert.equal(await lockHolder(path), undefined)
  await (await lockFile(path, clock, 1000))()
  assert.ok(!existsSync(path))
})

test('a large log is moved aside while its writer keeps writing', async () => {
  const log = join(dir, 'big.log')
  writeFileSync(log, 'x'.repeat(1000))
  await rotate(log, 2000)
  assert.equal(statSync(log).size, 1000)
  await rotate(log, 500)
  assert.equal(statSync(log).size, 0)
  assert.equal(statSync(`${log}.1`).size, 1000)
})
