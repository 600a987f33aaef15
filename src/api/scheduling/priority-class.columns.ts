import { AGE, table } from '../table.columns.ts'
import { PriorityClass } from './priority-class.ts'

export const priorityClassTable = table(
  PriorityClass,
  ['Value', (p) => p.value, 'integer'],
  ['Global-Default', (p) => p.globalDefault === true, 'boolean'],
  AGE,
  ['PreemptionPolicy', (p) => p.preemptionPolicy ?? ''],
)
