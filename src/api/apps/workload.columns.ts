import {
  AGE,
  containerImages,
  containerNames,
  labelText,
  selectorOrNone,
  selectorText,
  table,
  wide,
} from '../table.columns.ts'
import { ControllerRevision } from './controller-revision.ts'
import { DaemonSet } from './daemon-set.ts'
import { Deployment } from './deployment.ts'
import { ReplicaSet } from './replica-set.ts'
import { StatefulSet } from './stateful-set.ts'

export const deploymentTable = table(
  Deployment,
  ['Ready', (d) => `${d.status.readyReplicas ?? 0}/${d.spec.replicas ?? 0}`],
  ['Up-to-date', (d) => d.status.updatedReplicas ?? 0],
  ['Available', (d) => d.status.availableReplicas ?? 0],
  AGE,
  wide('Containers', (d) => containerNames(d.spec.template)),
  wide('Images', (d) => containerImages(d.spec.template)),
  wide('Selector', (d) => selectorText(d.spec.selector) ?? '<invalid>'),
)

export const replicaSetTable = table(
  ReplicaSet,
  ['Desired', (r) => r.spec.replicas ?? 0, 'integer'],
  ['Current', (r) => r.status.replicas ?? 0, 'integer'],
  ['Ready', (r) => r.status.readyReplicas ?? 0, 'integer'],
  AGE,
  wide('Containers', (r) => containerNames(r.spec.template)),
  wide('Images', (r) => containerImages(r.spec.template)),
  wide('Selector', (r) => selectorOrNone(r.spec.selector)),
)

export const statefulSetTable = table(
  StatefulSet,
  ['Ready', (s) => `${s.status.readyReplicas ?? 0}/${s.spec.replicas ?? 0}`],
  AGE,
  wide('Containers', (s) => containerNames(s.spec.template)),
  wide('Images', (s) => containerImages(s.spec.template)),
)

export const daemonSetTable = table(
  DaemonSet,
  ['Desired', (d) => d.status.desiredNumberScheduled ?? 0, 'integer'],
  ['Current', (d) => d.status.currentNumberScheduled ?? 0, 'integer'],
  ['Ready', (d) => d.status.numberReady ?? 0, 'integer'],
  ['Up-to-date', (d) => d.status.updatedNumberScheduled ?? 0, 'integer'],
  ['Available', (d) => d.status.numberAvailable ?? 0, 'integer'],
  ['Node Selector', (d) => labelText(d.spec.template.spec?.nodeSelector)],
  AGE,
  wide('Containers', (d) => containerNames(d.spec.template)),
  wide('Images', (d) => containerImages(d.spec.template)),
  wide('Selector', (d) => selectorOrNone(d.spec.selector)),
)

function controllerOf(revision: ControllerRevision): string {
  const owner = revision.metadata.ownerReferences?.find((o) => o.controller === true)
  if (!owner) return '<none>'
  const slash = owner.apiVersion.indexOf('/')
  const group = slash < 0 ? '' : `.${owner.apiVersion.slice(0, slash)}`
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`
}

export const controllerRevisionTable = table(
  ControllerRevision,
  ['Controller', controllerOf],
  ['Revision', (r) => r.revision],
  AGE,
)
