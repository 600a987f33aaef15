export { type ControlPlane, startControlPlane } from '../control-plane.ts'
export { startTestCluster, type TestCluster, type TestClusterOptions } from './test-cluster.ts'
