/**
 * The package entry `holdfast`: contracts, plans, questions, decisions, failures. It holds no Node code, so that a
 * Workflow may import it.
 */
import type { HoldfastConfig } from './config.ts';
import { defineConfig as given } from './model/job/holdfast-config.ts';

export type { HoldfastConfig } from './config.ts';
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
export type { CommandResult } from './model/step/command-result.ts';
export type { CommandOptions } from './model/step/step-command.ts';
export type { CompensatedCall, CompensatedEffect, CompensatedRecord } from './model/step/compensated.ts';
export type { FileContent, FileInfo, StepFiles, WriteOptions } from './model/step/step-files.ts';
export type { HttpOptions, HttpResponse } from './model/step/step-http.ts';
export type { PerformCall, PerformOptions, ProbeCall, ProbeResult } from './model/step/step-call.ts';
export type { QueryRowsOptions, Row, RowOptions, StepDatabase } from './model/step/step-database.ts';
export type { StepContext } from './model/step/step-context.ts';
export type { NamedSubStepOptions, RunSubStep, SubStepOptions } from './model/step/sub-step.ts';
export { BUILT_IN_STEPS } from './model/step/built-in/steps.ts';
export { commandStep } from './model/step/built-in/command.ts';
export { dbQueryStep, dbSqlStep, dbUpsertStep } from './model/step/built-in/database.ts';
export { fileCopyStep, fileRemoveStep, fileWriteStep } from './model/step/built-in/file.ts';
export { httpStep } from './model/step/built-in/http.ts';
export { waitStep } from './model/step/built-in/wait.ts';
export { HttpRequestSchema, type HttpRequestSource } from './model/step/http-request.ts';
export { isNotPerformed, NotPerformed } from './model/step/not-performed.ts';
export { FAILURES, type FailureType } from './model/failures.ts';
export { HoldfastError, isFailure } from './model/failure.ts';
export type { Json, JsonObject } from './model/canonical-json.ts';
export type { Condition } from './model/plan/condition.ts';
export { PlanSchema, type Plan, type PlanSource, type PlanStep } from './model/plan/plan.ts';
export { validatePlan, type CheckedPlan, type CheckOptions } from './model/plan/check/check.ts';
export { formatProblems } from './model/plan/problem/problem.ts';
export { parsePlan, readPlan, type ReadOptions } from './model/plan/text/text.ts';
export type { PlanProblem } from './model/plan/problem/problem.ts';
export { ANSWERS, type AnswerEffect } from './model/question/answer-table.ts';
export { AnswerSchema, FindingClassSchema, type Answer, type FindingClass } from './model/question/answer.ts';
export { FindingSchema, type Finding, type FindingKind } from './model/question/finding.ts';
export { QuestionSchema, wholeAnswers, type Question } from './model/question/question.ts';
export { AbortSchema, DecisionSchema, parseDecision, type Abort, type Decision } from './model/question/decision.ts';
export { ruleOn, type Ruling } from './model/question/ruling.ts';
export {
  JobStatusSchema,
  type JobState,
  type JobStatus,
  type StepState,
  type StepStatus,
  type SubPlanStatus,
} from './model/job/status.ts';
export { signalCommand } from './model/question/signal-command.ts';
export { statusMarkdown, type StatusExtract } from './model/job/status-text.ts';
export type { JobListing, JobResult, JobVersion, ListedJob, ListedWait, NamedVersion, StartedJob } from './client.ts';

/** Types the default export of `holdfast.config.ts`. It is checked when it is loaded. */
export const defineConfig: (config: HoldfastConfig) => HoldfastConfig = given;
