import { after } from 'node:test'
import { systemClock } from '../../base/index.ts'
import { type CriClient, criClient } from '../cri/index.ts'
import { startContainerd, type TestContainerd, whyNoContainers } from '../testing/containerd.ts'
import { BUSYBOX_IMAGE } from '../testing/image-archive.ts'
import { runtimeContract } from '../testing/runtime-contract.ts'
import { criRuntime } from './cri-runtime.ts'
import { type Behaviour, FakeRuntime } from './fake-runtime.ts'

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'exit 3': { exitAfterMs: 1, exitCode: 3 },
  stubborn: { stopAfterMs: 60_000 },
}

runtimeContract('fake', false, async () => ({
  runtime: new FakeRuntime({
    clock: systemClock(),
    images: [BUSYBOX_IMAGE],
    pullable: (image) => !image.includes('absent'),
    behave: (config) => BEHAVIOURS[config.command?.at(-1) ?? ''] ?? {},
  }),
  image: BUSYBOX_IMAGE,
  logDirectory: '/nowhere',
  cgroupParent: '',
}))

let containerd: TestContainerd | undefined
let client: CriClient | undefined

runtimeContract('containerd', whyNoContainers() ?? false, async () => {
  containerd ??= await startContainerd()
  client ??= criClient(containerd.socket, systemClock())
  return {
    runtime: criRuntime(client),
    image: BUSYBOX_IMAGE,
    logDirectory: `${containerd.dir}/logs`,
    cgroupParent: `/${containerd.dir.split('/').at(-1)}`,
  }
})

after(
  async () => {
    client?.close()
    await containerd?.close()
  },
  { timeout: 60_000 },
)
