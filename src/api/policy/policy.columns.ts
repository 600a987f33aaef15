import { AGE, table } from '../table.columns.ts'
import { PodDisruptionBudget } from './disruption.ts'

export const podDisruptionBudgetTable = table(
  PodDisruptionBudget,
  ['Min Available', (b) => String(b.spec.minAvailable ?? 'N/A')],
  ['Max Unavailable', (b) => String(b.spec.maxUnavailable ?? 'N/A')],
  ['Allowed Disruptions', (b) => b.status.disruptionsAllowed ?? 0, 'integer'],
  AGE,
)
