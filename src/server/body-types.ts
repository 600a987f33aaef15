import { Binding, Eviction, Scale, TokenRequest } from '../api/index.ts'
import type { Kind, KubeObject, StructType } from '../schema/index.ts'

const BODIES: Readonly<Record<string, StructType>> = {
  binding: Binding,
  eviction: Eviction,
  scale: Scale,
  token: TokenRequest,
}

/** What a request to the subresource carries: another kind for a few, else the resource itself. */
export function bodyTypeOf(kind: Kind, subresource: string): StructType<KubeObject> {
  return (BODIES[subresource] ?? kind) as StructType<KubeObject>
}
