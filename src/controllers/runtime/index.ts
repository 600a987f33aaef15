export {
  type Controller,
  defineController,
  each,
  type IndexDeclaration,
  index,
  ownedBy,
  type PlanContext,
  rulesOf,
  type Trigger,
  trigger,
  type View,
  type WriteRule,
} from './define.ts'
export { type Failure, PlanFailedError } from './executor.ts'
export {
  type Action,
  create,
  event,
  type Guard,
  mergePatch,
  nothingToDo,
  type PatchAction,
  type Plan,
  plan,
  remove,
  type Step,
  slowStart,
  together,
  update,
  updateStatus,
} from './plan.ts'
export {
  CONTROLLER_MANAGER,
  controllerUser,
  type RunningControllers,
  type RunOptions,
  runControllers,
} from './run.ts'
