import type { CallOptions, GrpcChannel } from './grpc.ts'
import {
  bool,
  bytes,
  type Decoded,
  decode,
  type Encodable,
  encode,
  int,
  type Message,
  message,
  msg,
  str,
} from './wire.ts'

/** containerd's own services, as far as commands in containers need them. CRI's containers live in "k8s.io". */
const NAMESPACE = { 'containerd-namespace': 'k8s.io' }
const TASKS = '/containerd.services.tasks.v1.Tasks/'

const Any = message({ typeUrl: str(1), value: bytes(2) })
const Empty = message({})
const ProcessKey = { containerId: str(1), execId: str(2) }

const CALLS = {
  getContainer: [
    '/containerd.services.containers.v1.Containers/Get',
    message({ id: str(1) }),
    message({ container: msg(1, message({ id: str(1), spec: msg(5, Any) })) }),
  ],
  getTask: [`${TASKS}Get`, message(ProcessKey), message({ process: msg(1, message({ pid: int(3) })) })],
  exec: [
    `${TASKS}Exec`,
    message({
      containerId: str(1),
      stdin: str(2),
      stdout: str(3),
      stderr: str(4),
      terminal: bool(5),
      spec: msg(6, Any),
      execId: str(7),
    }),
    Empty,
  ],
  start: [`${TASKS}Start`, message(ProcessKey), message({ pid: int(1) })],
  kill: [`${TASKS}Kill`, message({ ...ProcessKey, signal: int(3) }), Empty],
  wait: [`${TASKS}Wait`, message(ProcessKey), message({ exitStatus: int(1) })],
  deleteProcess: [`${TASKS}DeleteProcess`, message(ProcessKey), message({ exitStatus: int(3) })],
  resizePty: [`${TASKS}ResizePty`, message({ ...ProcessKey, width: int(3), height: int(4) }), Empty],
  closeIO: [`${TASKS}CloseIO`, message({ ...ProcessKey, stdin: bool(3) }), Empty],
} as const

type Calls = typeof CALLS
export type ContainerdCalls = {
  readonly [K in keyof Calls]: (
    request: Encodable<Calls[K][1]>,
    options?: CallOptions,
  ) => Promise<Decoded<Calls[K][2]>>
}

export function containerdCalls(channel: GrpcChannel): ContainerdCalls {
  return Object.fromEntries(
    Object.entries(CALLS).map(([name, [path, input, output]]) => [
      name,
      async (request: object, options?: CallOptions) =>
        decode(
          output as Message,
          await channel.unary(path, encode(input as Message, request), { ...options, metadata: NAMESPACE }),
        ),
    ]),
  ) as unknown as ContainerdCalls
}
