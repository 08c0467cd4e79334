/** The built-in steps: usable from a plan without code. Their code is the worker's. */
import type { StepContract } from '../step.ts';
import { fileWriteStep, fileCopyStep, fileRemoveStep } from './file.ts';
import { dbSqlStep, dbUpsertStep, dbQueryStep } from './database.ts';
import { commandStep } from './command.ts';
import { httpStep } from './http.ts';
import { planRunStep } from './plan-run.ts';
import { waitStep } from './wait.ts';

/** The contracts of the steps that every worker has and a plan can name. docs/plans.md tells their input and output. */
export const BUILT_IN_STEPS = [
  fileWriteStep,
  fileCopyStep,
  fileRemoveStep,
  dbSqlStep,
  dbUpsertStep,
  dbQueryStep,
  httpStep,
  commandStep,
  planRunStep,
  waitStep,
] as const satisfies readonly StepContract[];
