import { AGE, table, wide } from '../table.columns.ts'
import { ClusterRoleBinding, RoleBinding } from './role.ts'

type Binding = RoleBinding | ClusterRoleBinding

const role = ({ roleRef }: Binding) => `${roleRef.kind}/${roleRef.name}`

const subjects = (binding: Binding, kind: string) =>
  (binding.subjects ?? [])
    .filter((s) => s.kind === kind)
    .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? ''}/${s.name}` : s.name))
    .join(', ')

const columns = [
  ['Role', role],
  AGE,
  wide('Users', (b: Binding) => subjects(b, 'User')),
  wide('Groups', (b: Binding) => subjects(b, 'Group')),
  wide('ServiceAccounts', (b: Binding) => subjects(b, 'ServiceAccount')),
] as const

export const roleBindingTable = table(RoleBinding, ...columns)
export const clusterRoleBindingTable = table(ClusterRoleBinding, ...columns)
