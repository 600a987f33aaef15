export { adminApi, adminIdentity } from './access.ts'
export { hierarchies as cgroupHierarchies, removeCgroup } from './cgroups.ts'
export { ensureCluster, findCluster, hasLostData, listClusters } from './clusters.ts'
export { down, ourProcesses, upLock } from './down.ts'
export { attempt as runCommand, CommandError } from './exec.ts'
export { lockHolder, readJson, writeFileAtomic } from './files.ts'
export {
  buildImage,
  canonicalName,
  importImage,
  listImages,
  readRecipe,
  removeImage,
} from './images/index.ts'
export {
  adminKubeconfig,
  changeKubeconfig,
  findUserContext,
  type Kubeconfig,
  kubeconfigText,
  loadKubeconfig,
  mergeKubeconfig,
  userKubeconfig,
  withoutContext,
} from './kubeconfig.ts'
export { lastWords } from './last-words.ts'
export { type ClusterConfig, type Layout, layoutOf, type NodeLayout } from './layout.ts'
export { findProgram } from './machine.ts'
export { mountsBelow } from './mounts.ts'
export { namedNamespaces } from './netns.ts'
export { describeMissing, installPackages, MissingPackagesError, missingRequirements } from './packages.ts'
export { findProcesses, isAliveSync } from './process.ts'
export { clusterParts } from './run.ts'
export { type PartState, readSupervisorState, type SupervisorState } from './supervisor.ts'
export { notReady, type Steps, type UpResult, up } from './up.ts'
