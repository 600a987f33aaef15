import { parseQuantity } from '../../schema/index.ts'
import { dnsLabel } from '../meta/names.validate.ts'
import type { Container } from './container.ts'
import type { Pod, PodSpec, PodTemplateSpec } from './pod.ts'

const LABELS: Readonly<Record<string, readonly [since: string, instead: string]>> = {
  'beta.kubernetes.io/arch': ['v1.14', 'kubernetes.io/arch'],
  'beta.kubernetes.io/os': ['v1.14', 'kubernetes.io/os'],
  'failure-domain.beta.kubernetes.io/region': ['v1.17', 'topology.kubernetes.io/region'],
  'failure-domain.beta.kubernetes.io/zone': ['v1.17', 'topology.kubernetes.io/zone'],
  'beta.kubernetes.io/instance-type': ['v1.17', 'node.kubernetes.io/instance-type'],
}
const VOLUMES: Readonly<Record<string, string>> = {
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
}
const SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod'

type Metadata = Pick<Pod['metadata'], 'annotations'>

/** What is allowed in a pod's specification and yet most likely a mistake, in Kubernetes' words. */
function specWarnings(
  field: string,
  spec: PodSpec,
  metadata: Metadata | undefined,
  metaField: string,
): string[] {
  const out: string[] = []
  for (const key in spec.nodeSelector) {
    const old = Object.hasOwn(LABELS, key) ? LABELS[key] : undefined
    if (old) out.push(`${field}.nodeSelector[${key}]: deprecated since ${old[0]}; use "${old[1]}" instead`)
  }
  if (metadata?.annotations?.[SECCOMP] !== undefined) {
    out.push(
      `${metaField}.annotations[${SECCOMP}]: non-functional in v1.27+; use the "seccompProfile" field instead`,
    )
  }
  spec.volumes?.forEach((volume, i) => {
    for (const key of Object.keys(volume)) {
      if (Object.hasOwn(VOLUMES, key)) out.push(`${field}.volumes[${i}].${key}: ${VOLUMES[key]}`)
    }
  })
  const secrets = new Set<string>()
  spec.imagePullSecrets?.forEach(({ name = '' }, i) => {
    if (name === '') out.push(`${field}.imagePullSecrets[${i}].name: invalid empty name ""`)
    else if (secrets.has(name)) out.push(`${field}.imagePullSecrets[${i}].name: duplicate name "${name}"`)
    secrets.add(name)
  })
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    out.push(
      `${field}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    )
  }
  spec.initContainers?.forEach((c, i) => void containerWarnings(out, `${field}.initContainers[${i}]`, c))
  spec.containers?.forEach((c, i) => void containerWarnings(out, `${field}.containers[${i}]`, c))
  return out
}

function containerWarnings(out: string[], field: string, c: Container): void {
  for (const list of ['limits', 'requests'] as const) {
    const amounts = c.resources?.[list]
    for (const name of ['memory', 'ephemeral-storage']) {
      const value = amounts?.[name]
      // Only 'n', 'u' and 'm' can say less than a byte.
      if (value === undefined || !/[num]$/.test(value) || parseQuantity(value).nanos % 1_000_000_000n === 0n)
        continue
      const why = `fractional byte value "${value}" is invalid, must be an integer`
      out.push(`${field}.resources.${list}[${name}]: ${why}`)
    }
  }
  const names = new Set<string>()
  c.env?.forEach(({ name }, i) => {
    if (names.has(name)) {
      out.push(
        `${field}.env[${i}]: hides previous definition of "${name}", which may be dropped when using apply`,
      )
    }
    names.add(name)
  })
  const ports = new Map<string, number>()
  c.ports?.forEach(({ containerPort, protocol, hostPort, hostIP, name }, i) => {
    const id = `${containerPort}/${protocol}/${hostPort ?? ''}/${hostIP ?? ''}/${name ?? ''}`
    const first = ports.get(id)
    if (first !== undefined) {
      out.push(`${field}.ports[${i}]: duplicate port definition with ${field}.ports[${first}]`)
    } else ports.set(id, i)
  })
}

const NONE: readonly string[] = []
const NAME_WORDS =
  'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended'

function nameWarning(name: string): readonly string[] {
  const problems = dnsLabel(name)
  return problems.length === 0 ? NONE : [`${NAME_WORDS}: [${problems.join(', ')}]`]
}

export function podWarnings(pod: Pod, old: Pod | undefined): readonly string[] {
  if (old && old.spec === pod.spec) return NONE
  const name = old ? NONE : nameWarning(pod.metadata.name)
  const spec = specWarnings('spec', pod.spec, pod.metadata, 'metadata')
  return name.length + spec.length === 0 ? NONE : [...name, ...spec]
}

interface TemplateOwner {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly template?: PodTemplateSpec | undefined }
}

/** The same for whatever makes pods from a template. */
export function templateWarnings(owner: TemplateOwner, old: TemplateOwner | undefined): readonly string[] {
  const name = old ? NONE : nameWarning(owner.metadata.name)
  const { template } = owner.spec
  if (!template?.spec || template === old?.spec.template) return name
  const spec = specWarnings('spec.template.spec', template.spec, template.metadata, 'spec.template.metadata')
  return spec.length === 0 ? name : [...name, ...spec]
}
