import type { Plugin } from '../framework.ts'

/**
 * Devices by ResourceClaim are not allocated here: nodes refuse pods that ask for some. What Kubernetes says of a pod
 * that no node takes begins with this plugin's part, and people and programs know that sentence.
 */
export const dynamicResources: Plugin = {
  name: 'DynamicResources',
  events: [],
  postFilter: () => ({ message: 'no new claims to deallocate', keepNomination: false }),
}
