import type { KubeObject, StructType } from '../schema/index.ts'
import * as admissionregistration from './admissionregistration/admissionregistration.columns.ts'
import { apiServiceTable } from './apiregistration/api-service.columns.ts'
import * as apps from './apps/workload.columns.ts'
import { autoscalerTable, autoscalerV1Table } from './autoscaling/autoscaling.columns.ts'
import { Scale } from './autoscaling/scale.ts'
import { cronJobTable, jobTable } from './batch/batch.columns.ts'
import { signingRequestTable } from './certificates/signing-request.columns.ts'
import { Lease } from './coordination/lease.ts'
import * as core from './core/core.columns.ts'
import { nodeTable } from './core/node.columns.ts'
import { persistentVolumeClaimTable, persistentVolumeTable } from './core/persistent-volume.columns.ts'
import { podTable, podTemplateTable } from './core/pod.columns.ts'
import { serviceTable } from './core/service.columns.ts'
import { endpointSliceTable } from './discovery/endpoint-slice.columns.ts'
import * as flowcontrol from './flowcontrol/flowcontrol.columns.ts'
import { Status } from './meta/status.ts'
import * as networking from './networking/networking.columns.ts'
import { RuntimeClass } from './node/runtime-class.ts'
import { podDisruptionBudgetTable } from './policy/policy.columns.ts'
import { clusterRoleBindingTable, roleBindingTable } from './rbac/role.columns.ts'
import * as resource from './resource/resource.columns.ts'
import { priorityClassTable } from './scheduling/priority-class.columns.ts'
import * as storage from './storage/storage.columns.ts'
import {
  AGE,
  type Column,
  CREATED_AT,
  columnOf,
  type Printer,
  type RowCondition,
  table,
} from './table.columns.ts'

const scaleTable = table(
  Scale as unknown as StructType<Scale & KubeObject>,
  ['Desired', (s) => s.spec.replicas ?? 0, 'integer'],
  ['Available', (s) => s.status.replicas ?? 0, 'integer'],
  AGE,
)

const statusTable: Printer<Status> = {
  kind: Status,
  columns: (['Status', 'Reason', 'Message'] as const).map((name) => columnOf([name, () => ''])),
  cells: (s) => [s.status ?? '', s.reason ?? '', s.message ?? ''],
  conditions: () => [],
}

const leaseTable = table(Lease, ['Holder', (l) => l.spec.holderIdentity ?? ''], AGE)
const runtimeClassTable = table(RuntimeClass, ['Handler', (r) => r.handler], AGE)

const printers = new Map<string, Printer<never>>()
for (const printer of [
  ...Object.values(admissionregistration),
  ...Object.values(apps),
  ...Object.values(core),
  ...Object.values(flowcontrol),
  ...Object.values(networking),
  ...Object.values(resource),
  ...Object.values(storage),
  apiServiceTable,
  autoscalerTable,
  autoscalerV1Table,
  clusterRoleBindingTable,
  cronJobTable,
  endpointSliceTable,
  jobTable,
  leaseTable,
  nodeTable,
  persistentVolumeClaimTable,
  persistentVolumeTable,
  podDisruptionBudgetTable,
  podTable,
  podTemplateTable,
  priorityClassTable,
  roleBindingTable,
  runtimeClassTable,
  { ...scaleTable, columns: scaleTable.columns.map((c) => ({ ...c, format: '' as const })) },
  serviceTable,
  signingRequestTable,
  statusTable,
] as readonly Printer<never>[]) {
  printers.set(printer.kind.name, printer)
}

function printerOf(kind: StructType): Printer<never> {
  let printer = printers.get(kind.name)
  if (!printer) {
    printer = table(kind as StructType<KubeObject>, CREATED_AT) as Printer<never>
    printers.set(kind.name, printer)
  }
  return printer
}

/** The columns of a kind's Table output, wide ones included; of Scale and Status, which are bodies, too. */
export function tableColumns<T extends object>(kind: StructType<T>): readonly Column[] {
  return printerOf(kind as StructType).columns
}

/** One row's cells in the order of `tableColumns`; ages are counted up to `nowMs`. */
export function tableRow<T extends object>(
  kind: StructType<T>,
  object: T,
  nowMs: number,
): readonly unknown[] {
  return printerOf(kind as StructType).cells(object as never, nowMs)
}

/** The row's conditions: pods that have ended are `Completed`. */
export function tableRowConditions<T extends object>(
  kind: StructType<T>,
  object: T,
): readonly RowCondition[] {
  return printerOf(kind as StructType).conditions(object as never)
}
