import type { Container, Pod } from '../../api/index.ts'

/** What this node cannot do for a pod, though the API knows it: better refused than left out in silence. */
export function unsupported(pod: Pod): string | undefined {
  const { spec } = pod
  if (spec.hostUsers === false) return 'user namespaces (hostUsers: false) are not supported by this node'
  if (spec.resourceClaims?.length) return 'resource claims are not supported by this node'
  return undefined
}

/** The same for a container, which then waits with reason CreateContainerConfigError. */
export function unsupportedContainer(container: Container): string | undefined {
  if (container.volumeDevices?.length)
    return `cannot give container "${container.name}" block devices: this node does not support them`
  const file = container.env?.find((e) => e.valueFrom?.fileKeyRef)
  if (file) return `cannot read variable "${file.name}" from a file: this node does not support fileKeyRef`
  return undefined
}
