/** The Activity `runStep`: its request and its results. */
import * as z from 'zod';
import { QuestionSchema } from '../question/question.ts';
import { ResumedFailureSchema } from '../record/record.ts';
import { PlacedSecretSchema } from '../step/secret.ts';
import { CheckpointNoteSchema } from '../checkpoint/note.ts';
import { JsonSchema } from '../json.ts';
import { ChainPlaceSchema } from './chain-place.ts';
import { VerificationReasonSchema } from './verify-world.ts';

/** Of one attempt at a step, where its request does not say. */
export const DEFAULT_STEP_TIMEOUT_MS = 30 * 60_000;

export const RunStepRequestSchema = z.strictObject({
  /** The job that requests it. */
  jobId: z.string(),
  /** A relative path starts at the worker's workspace root. */
  workspace: z.string(),
  /** The job's, as far as it knows; another than the ledger's is refused. */
  term: z.int().min(0),
  /** The chain's end, as far as the job knows. */
  known: ChainPlaceSchema,
  /** Unique in the job. */
  stepId: z.string(),
  /** The contract's name. */
  step: z.string(),
  /** 0, or what the ledger has issued for a run anew. */
  generation: z.int().min(0),
  /** What the contract's input takes. */
  input: JsonSchema,
  /** Where in the input secrets belong: only there are they put, by the worker. */
  secrets: z.array(PlacedSecretSchema).optional(),
  /** Steps whose outputs this one uses; absent: everything before it. */
  uses: z.array(z.string()).optional(),
  /**
   * Where the chain ended when the steps of the super-step were requested; absent: it runs alone. What another step has
   * written since then was written at once with this one, which is an error.
   */
  parallelSince: z.int().min(0).optional(),
  /** The same as Workflows before 0.2.0 say it: the other steps of the super-step. */
  parallelWith: z.array(z.string()).optional(),
  /** Stop with the exact changes; `always`: also where there are none. Default: no approval. */
  approval: z.enum(['before-apply', 'always']).optional(),
  /** How often the step's code may fail before a person is asked. Default 3. */
  maxAttempts: z.int().min(1).optional(),
  /** How often the step then resumes by itself, before that. Default: never. */
  resumeAtMost: z.int().min(1).optional(),
  /** Of one attempt's code. Default 30 minutes. */
  timeoutMs: z.int().min(1).optional(),
  /** What becomes of a step that can't go on. Default: a person is asked. */
  onFailure: z.enum(['ask', 'fail', 'fail-for-good']).optional(),
  /** What a rejected approval makes of the step. Default: it runs again. */
  onReject: z.enum(['rerun', 'fail']).optional(),
  /** Does its recorded result also answer a request with another input? Absent: no, a person is asked. */
  inputMayDiffer: z.literal(true).optional(),
  /** The mark of the comparison that was just made for this very request. */
  mark: z.int().optional(),
  /** What reducers of the Workflow's own have made of its state by now, as a digest. Absent: nothing. */
  stateMark: z.string().max(64).optional(),
  /** Checkpoints that the record may not have yet, oldest first: it has them before the step's code runs. */
  checkpoints: z.array(CheckpointNoteSchema).optional(),
});
/** A request for a step, as a Workflow makes it. */
export type RunStepRequest = z.infer<typeof RunStepRequestSchema>;

export const StepDoneSchema = z.strictObject({
  /** Always `done`: it tells this result from the others. */
  kind: z.literal('done'),
  /** The step's id in the job. */
  stepId: z.string(),
  /** The generation that was done. */
  generation: z.int(),
  /** The chain's end with the step's record. */
  at: ChainPlaceSchema,
  /** What the step returned, as its contract's output. */
  output: JsonSchema,
  /** For people: `2 files, 1 row`. */
  effects: z.string(),
  /** Of a step that was to be approved: who approved what it did, and what they said. */
  approval: z.strictObject({ by: z.string(), reason: z.string() }).optional(),
  /** That of the request: in a replay it tells the state of then from that of now. */
  stateMark: z.string().max(64).optional(),
  /** The numbers of the checkpoints that the request brought, in their order. Absent: it brought none. */
  checkpoints: z.array(z.int().min(1)).optional(),
});
/** A step that is done. */
export type StepDone = z.infer<typeof StepDoneSchema>;

export const RunStepResultSchema = z.discriminatedUnion('kind', [
  StepDoneSchema,
  /** The world has to be compared first: why, and more of it in words. */
  z.strictObject({ kind: z.literal('verification-required'), reason: VerificationReasonSchema, detail: z.string() }),
  /** The ledger has issued a higher generation than was requested. */
  z.strictObject({ kind: z.literal('other-generation'), generation: z.int() }),
  /** An approval, a conflict, or a step that can't go on. */
  z.strictObject({
    kind: z.literal('question'),
    /** What the attempt ended with. */
    question: QuestionSchema,
    /** What its sub-steps ask beside it, each to be answered by itself. Absent: nothing. */
    others: z.array(QuestionSchema).optional(),
  }),
  /** A question about the world is open: nothing applies. */
  z.strictObject({ kind: z.literal('held'), question: QuestionSchema }),
  /** It failed, and is to be requested again in a while, once the world has been compared. */
  z.strictObject({
    kind: z.literal('resumes'),
    /** Which of the resumes follows, from 1 on. */
    number: z.int(),
    atMost: z.int(),
    ...ResumedFailureSchema.shape,
  }),
  z.strictObject({
    kind: z.literal('failed'),
    /** One of `FAILURES`. */
    type: z.string(),
    /** What happened, for a person. */
    message: z.string(),
    /** Who rejected what the step was about to do, and why. */
    rejection: z.strictObject({ by: z.string(), reason: z.string() }).optional(),
  }),
]);
/** What came of one request for a step. */
export type RunStepResult = z.infer<typeof RunStepResultSchema>;

export { MAX_INPUT_BYTES, MAX_OUTPUT_BYTES } from '../step/payload-limits.ts';
