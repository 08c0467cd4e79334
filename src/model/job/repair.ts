/** The Activity `repair`: its request and its results. */
import * as z from 'zod';
import { AnswerSchema } from '../question/answer.ts';
import { DecisionSchema } from '../question/decision.ts';
import { DigestSchema } from '../digest.ts';
import { QuestionSchema } from '../question/question.ts';
import { ChainPlaceSchema } from './chain-place.ts';
import { PutInSchema } from '../record/put-in.ts';
import { JobSettingsSchema } from './settings.ts';

export const RepairRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  decision: DecisionSchema,
  /** How many of the steps that run again are known. Absent: all are told at once. */
  rerunsFrom: z.int().min(0).optional(),
  /** Of a decision to make the record anew: what no ledger can tell. */
  rebuild: z
    .strictObject({
      /** The question as it was asked. */
      question: QuestionSchema,
      settings: JobSettingsSchema,
      /** The chain's end, as far as the job knows. */
      known: ChainPlaceSchema,
    })
    .optional(),
});
export type RepairRequest = z.infer<typeof RepairRequestSchema>;

/** A checkpoint that a job was rewound to. */
export const RewoundToSchema = z.strictObject({
  /** Its number. */
  seq: z.int().min(1),
  /** Of its note. */
  digest: DigestSchema,
  /** Its super-step. */
  step: z.int().min(-1),
  /** What ran next then. */
  next: z.array(z.string()),
});

export type RewoundTo = z.infer<typeof RewoundToSchema>;

export const RepairResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** `repaired`, `refused` or `world-moved`. */
    kind: z.literal('repaired'),
    /** The question that was answered. */
    question: DigestSchema,
    /** The job's term from now on. */
    term: z.int(),
    /** The chain's end with the decision. */
    at: ChainPlaceSchema,
    /** The decision's own number, where others follow it up to `at`. Absent: it is the last. */
    decided: z.int().optional(),
    /** The answers that were carried out, each once. */
    answers: z.array(AnswerSchema),
    /** Steps that run again, with the generation that they run in. */
    reruns: z.array(z.strictObject({ stepId: z.string(), generation: z.int() })),
    /** How many run again in all, where `reruns` has only some. */
    rerunsTotal: z.int().optional(),
    /** What was done, in words, one sentence each. */
    notes: z.array(z.string()),
    /** Of a rewind: the checkpoint that the job goes on from. */
    rewoundTo: RewoundToSchema.optional(),
    /** Of a rewind that was undone: steps whose earlier results count again; of many the first ones. */
    reinstated: z.array(z.string()).optional(),
    /** What people have put in by hand and is in force from now on, by step. */
    putIns: z.record(z.string(), PutInSchema).optional(),
    /** Of a rewind or an edit: something was changed by others once it was sealed, and stays as they left it. */
    someStays: z.literal(true).optional(),
    /** The record was made anew: it may end before the place that the job knew. */
    rebuilt: z.literal(true).optional(),
  }),
  /** The decision can't be used; nothing was done. */
  z.strictObject({
    kind: z.literal('refused'),
    question: DigestSchema,
    /** Why it can't be used, one sentence each. */
    problems: z.array(z.string()),
    /** Another decision has answered the question, perhaps in a Run that was reset: it need not stay open. */
    isSettled: z.boolean().optional(),
  }),
  /** The world no longer shows what the question showed; it is withdrawn and the world is compared again. */
  z.strictObject({
    kind: z.literal('world-moved'),
    question: DigestSchema,
    /** What differs from the question. */
    resources: z.array(z.string()),
  }),
]);
/** What came of a decision. */
export type RepairResult = z.infer<typeof RepairResultSchema>;
