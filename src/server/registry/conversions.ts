import type { Kind, KubeObject } from '../../schema/index.ts'

/** Two kinds over one stored form: an object written through either is read through both. */
export interface Conversion {
  readonly served: Kind
  readonly storage: Kind
  fromStorage(object: KubeObject): KubeObject
  toStorage(object: KubeObject): KubeObject
}

export const conversions: readonly Conversion[] = []
