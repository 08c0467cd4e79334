/** The Activity `verifyWorld`: its request and its results. */
import * as z from 'zod';
import { QuestionSchema } from '../question/question.ts';
import { ChainPlaceSchema } from './chain-place.ts';
import { ResumedSchema, ResumeRequestSchema } from './resume.ts';
import { SeqRangesSchema } from './seq-ranges.ts';
import { JobSettingsSchema } from './settings.ts';

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
  'resumed',
  'workspace-missing',
  'bound-to-another-job',
]);
/** Why the world is compared. */
export type VerificationReason = z.infer<typeof VerificationReasonSchema>;

export const VerifyWorldRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  settings: JobSettingsSchema,
  /** Where this Run's history begins (continue-as-new); everything up to there is known. */
  base: ChainPlaceSchema,
  known: ChainPlaceSchema,
  /**
   * Sequence numbers of the step records that the Workflow holds since `base`, and of the decisions by which steps run
   * again that it has heard of. Absent: none.
   */
  holds: SeqRangesSchema.optional(),
  /** The same as Workflows before 0.2.0 say it: step, generation and sequence number of each. */
  steps: z.array(z.tuple([z.string(), z.int(), z.int()])).optional(),
  reason: VerificationReasonSchema,
  detail: z.string(),
  /**
   * Steps that the Workflow requests now; a half-applied intent of another step is requested by nobody. Absent: not
   * known.
   */
  asking: z.array(z.string()).optional(),
  /** The Run that this one continues as new. */
  continuedFrom: z.string().optional(),
  /** The job is started from a store, and has not been verified yet since. */
  resume: ResumeRequestSchema.optional(),
});
export type VerifyWorldRequest = z.infer<typeof VerifyWorldRequestSchema>;

export const VerifyWorldResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** `verified`: the world is as the record says. `question`: a person is asked. */
    kind: z.literal('verified'),
    /** Names this comparison. */
    mark: z.int(),
    /** The job's term from now on. */
    term: z.int(),
    /** The chain's end. */
    at: ChainPlaceSchema,
    /** How many resources were looked at. */
    resources: z.int(),
    /** How many bytes the files have. */
    sizeBytes: z.int(),
    /** Of a quick look: how many files were taken for unchanged without being read. */
    unread: z.int().optional(),
    /** In milliseconds. */
    tookMs: z.int(),
    /** Questions of single steps that are still open (an approval survives a restart). */
    searchAttributes: z.boolean(),
    /** Of a job that is started from a store: what its record has. */
    resumed: ResumedSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('question'),
    /** What differs. */
    question: QuestionSchema,
    term: z.int(),
    searchAttributes: z.boolean(),
  }),
]);
/** What came of a comparison. */
export type VerifyWorldResult = z.infer<typeof VerifyWorldResultSchema>;
