export { type Applied, applyAll } from './apply.ts'
export { type Manifest, readManifests } from './manifests.ts'
