import { AGE, table } from '../table.columns.ts'
import { APIService } from './api-service.ts'

function available({ status }: APIService): string {
  const condition = status.conditions?.find((c) => c.type === 'Available')
  if (!condition) return 'Unknown'
  return condition.status !== 'True' && condition.reason
    ? `${condition.status} (${condition.reason})`
    : condition.status
}

export const apiServiceTable = table(
  APIService,
  [
    'Service',
    (a) => (a.spec.service ? `${a.spec.service.namespace ?? ''}/${a.spec.service.name ?? ''}` : 'Local'),
  ],
  ['Available', available],
  AGE,
)
