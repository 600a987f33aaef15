import { anyOf } from '../../schema/index.ts'

export const ConditionStatus = anyOf('True', 'False', 'Unknown')
