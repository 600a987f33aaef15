import { AGE, orNone, table } from '../table.columns.ts'
import { FlowSchema } from './flow-schema.ts'
import { PriorityLevelConfiguration } from './priority-level.ts'

export const flowSchemaTable = table(
  FlowSchema,
  ['PriorityLevel', (f) => f.spec.priorityLevelConfiguration.name],
  ['MatchingPrecedence', (f) => f.spec.matchingPrecedence],
  ['DistinguisherMethod', (f) => orNone(f.spec.distinguisherMethod?.type)],
  AGE,
  ['MissingPL', (f) => f.status.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?'],
)

const queuing = (p: PriorityLevelConfiguration) => p.spec.limited?.limitResponse?.queuing

export const priorityLevelTable = table(
  PriorityLevelConfiguration,
  ['Type', (p) => p.spec.type],
  [
    'NominalConcurrencyShares',
    (p) => (p.spec.limited ? (p.spec.limited.nominalConcurrencyShares ?? 0) : '<none>'),
  ],
  ['Queues', (p) => queuing(p)?.queues ?? '<none>'],
  ['HandSize', (p) => queuing(p)?.handSize ?? '<none>'],
  ['QueueLengthLimit', (p) => queuing(p)?.queueLengthLimit ?? '<none>'],
  AGE,
)
