/**
 * What Workflow and Activities say to each other. Small on purpose: every byte here is in the history of every step.
 *
 * Invariant: whatever decides whether to go on (run id, term, known head) is compared in an Activity against the ledger;
 * a Workflow never compares its own run id, which would break replay after a reset.
 */
import * as z from 'zod';
import type { Json } from '../canonical-json.ts';
import { AnswerSchema } from '../question/answer.ts';
import { DecisionSchema } from '../question/decision.ts';
import { DigestSchema } from '../digest.ts';
import { HttpSettingsSchema } from '../step/http-host.ts';
import { HttpHeadersSchema } from '../step/http-request.ts';
import { LeftSchema } from '../record/intent.ts';
import { QuestionSchema } from '../question/question.ts';
import { PlacedSecretSchema } from '../step/secret.ts';

const JsonSchema = z.json() as z.ZodType<Json>;

/** A place in the chain: holding the head is holding all records up to it. */
export const ChainPlaceSchema = z.strictObject({ seq: z.int().min(0), head: DigestSchema });
export type ChainPlace = z.infer<typeof ChainPlaceSchema>;

export const WatchSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), path: z.string() }),
  z.strictObject({ kind: z.literal('schema'), database: z.string(), table: z.string() }),
  z.strictObject({
    kind: z.literal('query'),
    name: z.string(),
    database: z.string(),
    sql: z.string(),
    params: z.array(JsonSchema),
  }),
  z.strictObject({ kind: z.literal('command'), argv: z.array(z.string()).min(1) }),
  z.strictObject({
    kind: z.literal('endpoint'),
    name: z.string(),
    url: z.string(),
    header: z.string().optional(),
    json: z.string().optional(),
    headers: HttpHeadersSchema.optional(),
  }),
]);
export type Watch = z.infer<typeof WatchSchema>;

export const DEFAULT_VERIFY_AFTER_MS = 10 * 60_000;

/** What holds for a whole job; told once a Run, with its first verification, and kept in the ledger. */
export const JobSettingsSchema = z.strictObject({
  /** Database name → URL, `${{ env.NAME }}` unresolved: no secret is in a history or a ledger. */
  databases: z.record(z.string(), z.string()),
  watch: z.array(WatchSchema),
  /** Names of the secrets that steps may use; never their values. Absent: none. */
  secrets: z.array(z.string()).optional(),
  /** Compare the world again when this long has passed since it last was, or since the last commit. */
  verifyAfterMs: z.int().min(0),
  /** Digest of the plan, where there is one. */
  plan: z.strictObject({ name: z.string(), digest: DigestSchema }).nullable(),
  /** What steps and watches may call. Absent: nothing. */
  http: HttpSettingsSchema.optional(),
});
export type JobSettings = z.infer<typeof JobSettingsSchema>;

export const RunStepRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  term: z.int().min(0),
  known: ChainPlaceSchema,
  stepId: z.string(),
  step: z.string(),
  generation: z.int().min(0),
  input: JsonSchema,
  /** Where in the input secrets belong: only there are they put, by the worker. */
  secrets: z.array(PlacedSecretSchema).optional(),
  /** Steps whose outputs this one uses; absent: everything before it. */
  uses: z.array(z.string()).optional(),
  /** Steps of the same super-step: two of them writing one resource is an error. */
  parallelWith: z.array(z.string()).optional(),
  approval: z.literal('before-apply').optional(),
  /** How often the step's code may fail before a person is asked. Default 3. */
  maxAttempts: z.int().min(1).optional(),
  timeoutMs: z.int().min(1).optional(),
  onFailure: z.enum(['ask', 'fail']).optional(),
  /** The mark of the comparison that was just made for this very request. */
  mark: z.int().optional(),
});
export type RunStepRequest = z.infer<typeof RunStepRequestSchema>;

export const StepDoneSchema = z.strictObject({
  kind: z.literal('done'),
  stepId: z.string(),
  generation: z.int(),
  at: ChainPlaceSchema,
  output: JsonSchema,
  /** For people: `2 files, 1 row`. */
  effects: z.string(),
});
export type StepDone = z.infer<typeof StepDoneSchema>;

export const VerificationReasonSchema = z.enum([
  'first-of-run',
  'other-term',
  'worker-not-covered',
  'record-missing',
  'claim-left-open',
  'too-long-since',
  'reads-differ',
  'target-differs',
  'database-changed',
  'repair-pending',
  'decided',
  'asked',
  'workspace-missing',
  'bound-to-another-job',
]);
export type VerificationReason = z.infer<typeof VerificationReasonSchema>;

export const RunStepResultSchema = z.discriminatedUnion('kind', [
  StepDoneSchema,
  z.strictObject({ kind: z.literal('verification-required'), reason: VerificationReasonSchema, detail: z.string() }),
  /** The ledger has issued a higher generation than was asked for. */
  z.strictObject({ kind: z.literal('other-generation'), generation: z.int() }),
  /** An approval, a conflict, or a step that can't go on. */
  z.strictObject({ kind: z.literal('question'), question: QuestionSchema }),
  /** A question about the world is open: nothing applies. */
  z.strictObject({ kind: z.literal('held'), question: QuestionSchema }),
  z.strictObject({ kind: z.literal('failed'), type: z.string(), message: z.string() }),
]);
export type RunStepResult = z.infer<typeof RunStepResultSchema>;

export const VerifyWorldRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  settings: JobSettingsSchema,
  /** Where this Run's history begins (continue-as-new); everything up to there is known. */
  base: ChainPlaceSchema,
  known: ChainPlaceSchema,
  /** Step records that the Workflow holds since `base`. */
  steps: z.array(z.tuple([z.string(), z.int(), z.int()])),
  reason: VerificationReasonSchema,
  detail: z.string(),
  /** Steps that the Workflow waits for now; what else is half applied is asked for by nobody. Absent: not known. */
  asking: z.array(z.string()).optional(),
  /** The Run that this one continues as new. */
  continuedFrom: z.string().optional(),
});
export type VerifyWorldRequest = z.infer<typeof VerifyWorldRequestSchema>;

export const VerifyWorldResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('verified'),
    /** Names this comparison. */
    mark: z.int(),
    term: z.int(),
    at: ChainPlaceSchema,
    resources: z.int(),
    sizeBytes: z.int(),
    tookMs: z.int(),
    /** Questions of single steps that are still open (an approval survives a restart). */
    searchAttributes: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('question'),
    question: QuestionSchema,
    term: z.int(),
    searchAttributes: z.boolean(),
  }),
]);
export type VerifyWorldResult = z.infer<typeof VerifyWorldResultSchema>;

export const RepairRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  decision: DecisionSchema,
});
export type RepairRequest = z.infer<typeof RepairRequestSchema>;

export const RepairResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('repaired'),
    question: DigestSchema,
    term: z.int(),
    at: ChainPlaceSchema,
    answers: z.array(AnswerSchema),
    reruns: z.array(z.strictObject({ stepId: z.string(), generation: z.int() })),
    notes: z.array(z.string()),
  }),
  /** The decision can't be used; nothing was done. */
  z.strictObject({ kind: z.literal('refused'), question: DigestSchema, problems: z.array(z.string()) }),
  /** The world no longer shows what the question showed; it is withdrawn and the world is compared again. */
  z.strictObject({ kind: z.literal('world-moved'), question: DigestSchema, resources: z.array(z.string()) }),
]);
export type RepairResult = z.infer<typeof RepairResultSchema>;

/** A step can't be given its input, or its output doesn't fit the state: put to a person. */
export const AskStuckRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  stepId: z.string(),
  type: z.string(),
  message: z.string(),
  /** What `rerun` would run again, with what depends on it. */
  rerun: z.array(z.string()),
});
export type AskStuckRequest = z.infer<typeof AskStuckRequestSchema>;

export const ReleaseRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  outcome: z.enum(['completed', 'failed', 'aborted', 'cancelled']),
});
export type ReleaseRequest = z.infer<typeof ReleaseRequestSchema>;

export const ReleaseResultSchema = z.strictObject({
  /** False: the workspace stays bound; `notes` says why. */
  released: z.boolean(),
  at: ChainPlaceSchema,
  notes: z.array(z.string()),
});
export type ReleaseResult = z.infer<typeof ReleaseResultSchema>;

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
  steps: z.int(),
  /** `2 files, 1 row`. */
  effects: z.string(),
  left: z.array(LeftSchema.extend({ stepId: z.string() })),
  leftTotal: z.int(),
});
export type UndoReport = z.infer<typeof UndoReportSchema>;

/** From here on no step runs any more; what is half applied is finished first. */
export const BeginUndoRequestSchema = VerifyWorldRequestSchema.omit({ asking: true }).extend({
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
});
export type UndoStepRequest = z.infer<typeof UndoStepRequestSchema>;

export const UndoStepResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('undone'), at: ChainPlaceSchema, effects: z.string(), left: z.int() }),
  /** It is to be begun again: another worker, another term, too long since. */
  z.strictObject({ kind: z.literal('begin-again'), reason: VerificationReasonSchema, detail: z.string() }),
  z.strictObject({ kind: z.literal('question'), question: QuestionSchema }),
]);
export type UndoStepResult = z.infer<typeof UndoStepResultSchema>;

/** One step's output beyond this is refused: it would be in the history, and over-limit payloads fail retryably for ever. */
export const MAX_OUTPUT_BYTES = 256 * 1024;
export const MAX_INPUT_BYTES = 512 * 1024;
