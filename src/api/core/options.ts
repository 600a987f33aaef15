import {
  body,
  bool,
  int32,
  int64,
  listOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  time,
  typeMeta,
} from '../../schema/index.ts'

const podLogOptionsFields = {
  ...typeMeta,
  container: opt(1, str),
  follow: opt(2, bool),
  previous: opt(3, bool),
  sinceSeconds: ptr(4, int64),
  sinceTime: ptr(5, time),
  timestamps: opt(6, bool),
  tailLines: ptr(7, int64),
  limitBytes: ptr(8, int64),
  insecureSkipTLSVerifyBackend: opt(9, bool),
  stream: ptr(10, str, { gates: ['PodLogsQuerySplitStreams'] }),
} as const

export interface PodLogOptions extends Shape<typeof podLogOptionsFields> {}
export const PodLogOptions = body<PodLogOptions>('core.v1.PodLogOptions', podLogOptionsFields, { group: '' })

const podAttachOptionsFields = {
  ...typeMeta,
  stdin: opt(1, bool),
  stdout: opt(2, bool),
  stderr: opt(3, bool),
  tty: opt(4, bool),
  container: opt(5, str),
} as const

export interface PodAttachOptions extends Shape<typeof podAttachOptionsFields> {}
export const PodAttachOptions = body<PodAttachOptions>('core.v1.PodAttachOptions', podAttachOptionsFields, {
  group: '',
})

const podExecOptionsFields = {
  ...typeMeta,
  stdin: opt(1, bool),
  stdout: opt(2, bool),
  stderr: opt(3, bool),
  tty: opt(4, bool),
  container: opt(5, str),
  command: req(6, listOf(str)),
} as const

export interface PodExecOptions extends Shape<typeof podExecOptionsFields> {}
export const PodExecOptions = body<PodExecOptions>('core.v1.PodExecOptions', podExecOptionsFields, {
  group: '',
})

const podPortForwardOptionsFields = {
  ...typeMeta,
  ports: opt(1, listOf(int32)),
} as const

export interface PodPortForwardOptions extends Shape<typeof podPortForwardOptionsFields> {}
export const PodPortForwardOptions = body<PodPortForwardOptions>(
  'core.v1.PodPortForwardOptions',
  podPortForwardOptionsFields,
  { group: '' },
)

const podProxyOptionsFields = {
  ...typeMeta,
  path: opt(1, str),
} as const

export interface PodProxyOptions extends Shape<typeof podProxyOptionsFields> {}
export const PodProxyOptions = body<PodProxyOptions>('core.v1.PodProxyOptions', podProxyOptionsFields, {
  group: '',
})

const nodeProxyOptionsFields = {
  ...typeMeta,
  path: opt(1, str),
} as const

export interface NodeProxyOptions extends Shape<typeof nodeProxyOptionsFields> {}
export const NodeProxyOptions = body<NodeProxyOptions>('core.v1.NodeProxyOptions', nodeProxyOptionsFields, {
  group: '',
})

const serviceProxyOptionsFields = {
  ...typeMeta,
  path: opt(1, str),
} as const

export interface ServiceProxyOptions extends Shape<typeof serviceProxyOptionsFields> {}
export const ServiceProxyOptions = body<ServiceProxyOptions>(
  'core.v1.ServiceProxyOptions',
  serviceProxyOptionsFields,
  { group: '' },
)
