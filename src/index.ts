/**
 * The package entry `holdfast`: contracts, plans, questions, decisions, failures. It holds no Node code, so that a
 * Workflow may import it.
 */
export { defineConfig, type HoldfastConfig } from './model/job/holdfast-config.ts';
export {
  defineStep,
  implementStep,
  z,
  type StepContract,
  type Compensate,
  type CompensateResult,
  type StepImplementation,
  type StepInput,
  type StepOutput,
} from './model/step/step.ts';
export type { CommandResult } from './model/step/command.ts';
export type {
  CommandOptions,
  CompensatedCall,
  CompensatedEffect,
  CompensatedRecord,
  FileContent,
  FileInfo,
  HttpOptions,
  HttpResponse,
  PerformCall,
  PerformOptions,
  ProbeCall,
  ProbeResult,
  Row,
  RowOptions,
  StepContext,
  StepDatabase,
  StepFiles,
  WriteOptions,
} from './model/step/step-context.ts';
export {
  BUILT_IN_STEPS,
  commandStep,
  dbQueryStep,
  dbSqlStep,
  dbUpsertStep,
  fileCopyStep,
  fileRemoveStep,
  fileWriteStep,
  httpStep,
  waitStep,
} from './model/step/built-in-steps.ts';
export { HttpRequestSchema } from './model/step/http-request.ts';
export { isNotPerformed, NotPerformed } from './model/step/not-performed.ts';
export { FAILURES, HoldfastError, isFailure, type FailureType } from './model/failure.ts';
export type { Json, JsonObject } from './model/canonical-json.ts';
export { PlanSchema, type Plan, type PlanSource, type PlanStep } from './model/plan/plan.ts';
export { validatePlan, type CheckedPlan, type CheckOptions } from './model/plan/check.ts';
export { formatProblems, parsePlan, readPlan } from './model/plan/text.ts';
export type { PlanProblem } from './model/plan/problem.ts';
export {
  ANSWERS,
  AnswerSchema,
  FindingClassSchema,
  type Answer,
  type AnswerEffect,
  type FindingClass,
} from './model/question/answer.ts';
export { FindingSchema, type Finding, type FindingKind } from './model/question/finding.ts';
export { QuestionSchema, wholeAnswers, type Question } from './model/question/question.ts';
export { AbortSchema, DecisionSchema, parseDecision, type Abort, type Decision } from './model/question/decision.ts';
export { ruleOn } from './model/question/ruling.ts';
export { JobStatusSchema, type JobState, type JobStatus, type StepState, type StepStatus } from './model/job/status.ts';
export { signalCommand } from './model/question/signal-command.ts';
export { statusMarkdown } from './model/job/status-text.ts';
export type { JobListing, JobResult, ListedJob, StartedJob } from './client.ts';
