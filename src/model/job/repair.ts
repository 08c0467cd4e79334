/** The Activity `repair`: its request and its results. */
import * as z from 'zod';
import { AnswerSchema } from '../question/answer.ts';
import { DecisionSchema } from '../question/decision.ts';
import { DigestSchema } from '../digest.ts';
import { ChainPlaceSchema } from './chain-place.ts';

export const RepairRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  decision: DecisionSchema,
  /** How many of the steps that run again are known. Absent: all are told at once. */
  rerunsFrom: z.int().min(0).optional(),
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
    /** How many run again in all, where `reruns` has only some. */
    rerunsTotal: z.int().optional(),
    notes: z.array(z.string()),
  }),
  /** The decision can't be used; nothing was done. */
  z.strictObject({
    kind: z.literal('refused'),
    question: DigestSchema,
    problems: z.array(z.string()),
    /** Another decision has answered the question, perhaps in a Run that was reset: it need not stay open. */
    isSettled: z.boolean().optional(),
  }),
  /** The world no longer shows what the question showed; it is withdrawn and the world is compared again. */
  z.strictObject({
    kind: z.literal('world-moved'),
    question: DigestSchema,
    resources: z.array(z.string()),
  }),
]);
export type RepairResult = z.infer<typeof RepairResultSchema>;
