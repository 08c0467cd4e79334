/** The Activities `beginUndo` and `undoStep`: their requests and results. */
import * as z from 'zod';
import { NotUndoneSchema } from '../record/intent.ts';
import { QuestionSchema } from '../question/question.ts';
import { ChainPlaceSchema } from './chain-place.ts';
import { VerificationReasonSchema, VerifyWorldRequestSchema } from './verify-world.ts';

/** A record whose effects are to be undone, or calls of a step that was not finished. */
export const UndoItemSchema = z.strictObject({
  stepId: z.string(),
  step: z.string(),
  generation: z.int().min(0),
  /** The record; null: the step was not finished, and only calls of it are undone. */
  seq: z.int().nullable(),
  /** Effects that a decision has undone before. */
  skip: z.array(z.int()),
  /** Is it the step's own compensation's turn? Not for a record that was run again since. */
  compensates: z.boolean(),
});
export type UndoItem = z.infer<typeof UndoItemSchema>;

/** What came of the undoing so far: for people, bounded. */
export const UndoReportSchema = z.strictObject({
  /** How many steps were undone, without sub-steps. */
  steps: z.int(),
  /** How many sub-steps were undone. Absent: none; in reports of earlier versions `steps` counts them too. */
  subSteps: z.int().optional(),
  /** `2 files, 1 row`. */
  effects: z.string(),
  /** What was not undone, of which step, and why; the first. */
  left: z.array(NotUndoneSchema.extend({ stepId: z.string() })),
  /** How many there are in all. */
  leftTotal: z.int(),
});
/** What came of the undoing of a job so far. */
export type UndoReport = z.infer<typeof UndoReportSchema>;

/** From here on no step runs any more; what is half applied is finished first. */
export const BeginUndoRequestSchema = VerifyWorldRequestSchema.omit({ asking: true, resume: true }).extend({
  by: z.string(),
  why: z.string(),
});
export type BeginUndoRequest = z.infer<typeof BeginUndoRequestSchema>;

export const BeginUndoResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ready'),
    mark: z.int(),
    term: z.int(),
    at: ChainPlaceSchema,
    /** What is to be undone, newest first: the next so many of `total`. */
    items: z.array(UndoItemSchema),
    total: z.int(),
    report: UndoReportSchema,
    searchAttributes: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('question'),
    question: QuestionSchema,
    term: z.int(),
    searchAttributes: z.boolean(),
  }),
]);
export type BeginUndoResult = z.infer<typeof BeginUndoResultSchema>;

export const UndoStepRequestSchema = UndoItemSchema.extend({
  jobId: z.string(),
  workspace: z.string(),
  term: z.int().min(0),
  known: ChainPlaceSchema,
  mark: z.int().optional(),
  /** Sub-steps of the same step whose turn comes next, in order. Absent: none. */
  more: z.array(UndoItemSchema).optional(),
  /** How many sub-steps of that step were undone before these: only for people. Absent: none. */
  undoneBefore: z.int().optional(),
});
export type UndoStepRequest = z.infer<typeof UndoStepRequestSchema>;

/** How far a request with `more` has come, and how much of that is not undone. Absent: it is at its first. */
const UndoneBeforeSchema = z.strictObject({ items: z.int(), left: z.int() }).optional();

export const UndoStepResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('undone'), at: ChainPlaceSchema, effects: z.string(), left: z.int() }),
  /** It is to be begun again: another worker, another term, too long since. */
  z.strictObject({ kind: z.literal('begin-again'), reason: VerificationReasonSchema, detail: z.string() }),
  z.strictObject({ kind: z.literal('question'), question: QuestionSchema, before: UndoneBeforeSchema }),
]);
export type UndoStepResult = z.infer<typeof UndoStepResultSchema>;
