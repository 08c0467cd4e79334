/** The package entry `holdfast/workflow`: what a user's Workflow imports, and what a worker bundles. */
export { agentJob, type AgentJobInput } from './agent-job.ts';
export { openJob } from './open-job.ts';
export type {
  Approval,
  CheckpointOptions,
  DecidedFinding,
  Job,
  OpenJobOptions,
  StepOptions,
  UpdateOptions,
} from './guarded-job.ts';
export type { StateKey, StateKeys, StateReducers, StateUpdate, StateValues } from '../model/state/typed-state.ts';
export {
  checkpointsQuery,
  decideSignal,
  decideUpdate,
  questionsQuery,
  rewindSignal,
  rewindUpdate,
  stateQuery,
  statusQuery,
  updateStateSignal,
  updateStateUpdate,
  previewEditQuery,
  type DecideAnswer,
  type EditAnswer,
  type RewindAnswer,
} from './messages.ts';
export type { StateAnswer, ToldCheckpoint, ToldCheckpoints, ToldState } from '../model/job/checkpoint-answers.ts';
export type { PlanResult } from '../model/plan/run/progress.ts';
export { defineStep, type StepContract, type StepInput, type StepOutput } from '../model/step/step.ts';
