/** The form of each Activity's result: for one of which it is not certain that a worker has made it. */
import type { ZodType } from 'zod';
import { QuestionSchema } from '../question/question.ts';
import { RecallResultSchema } from './recall.ts';
import { ReleaseResultSchema } from './release.ts';
import { RepairResultSchema } from './repair.ts';
import { isObject, withoutProof } from './result-proof.ts';
import { RunStepResultSchema } from './run-step.ts';
import { SubPlanOutcomeSchema } from './sub-plan.ts';
import { BeginUndoResultSchema, UndoStepResultSchema } from './undo.ts';
import { VerifyWorldResultSchema } from './verify-world.ts';

const FORMS: Readonly<Record<string, ZodType>> = {
  runStep: RunStepResultSchema,
  recall: RecallResultSchema,
  verifyWorld: VerifyWorldResultSchema,
  repair: RepairResultSchema,
  rewind: RepairResultSchema,
  edit: RepairResultSchema,
  release: ReleaseResultSchema,
  askStuck: QuestionSchema,
  beginUndo: BeginUndoResultSchema,
  undoStep: UndoStepResultSchema,
  subPlanOutcome: SubPlanOutcomeSchema,
};

/** What is wrong with its form; undefined: nothing. Pure. */
export function problemOfResult(activity: string, result: unknown): string | undefined {
  if (!isObject(result)) return `it is ${result === null ? 'null' : `a ${typeof result}`}, and a worker's is an object`;
  const parsed = FORMS[activity]?.safeParse(withoutProof(result));
  if (parsed === undefined || parsed.success) return undefined;
  const [issue] = parsed.error.issues;
  return `it has not the form of a worker's (${[...(issue?.path ?? [])].join('.')}: ${issue?.message ?? ''})`;
}
