/** A sealed repair: a decision with everything that carrying it out needs, durable before anything is done. */
import * as z from 'zod';
import { AnswerSchema } from '../../../model/question/answer.ts';
import { JsonObjectSchema } from '../../../model/json.ts';
import { DecisionSchema } from '../../../model/question/decision.ts';
import { DigestSchema } from '../../../model/digest.ts';
import { RepairResultSchema, RewoundToSchema } from '../../../model/job/repair.ts';
import { ResourceStateSchema, RowStateSchema } from '../../../model/record/world.ts';
import { StepPutInSchema } from '../../../model/record/put-in.ts';

export const SealedRepairSchema = z.strictObject({
  schemaVersion: z.literal(1),
  decision: DecisionSchema,
  answers: z.record(z.string(), AnswerSchema),
  /** What each answered resource showed when the repair was sealed. */
  found: z.record(z.string(), ResourceStateSchema),
  reruns: z.array(z.strictObject({ stepId: z.string(), generation: z.int() })),
  adopts: z.array(z.int()),
  /** The results that a person gave for calls that happened, by resource. */
  results: JsonObjectSchema.optional(),
  /** Calls of `reruns` that are made anew, by resource. */
  again: z.array(z.string()).optional(),
  /** Of a rewind: nobody was asked. */
  rewoundTo: RewoundToSchema.optional(),
  /** Of the undoing of a rewind: the number of that one's record. */
  undoesRewind: z.int().min(1).optional(),
  /** Of a rewind: rows that it takes away, with all their columns, by resource. */
  keptRows: z.record(z.string(), RowStateSchema).optional(),
  /** Of an edit, likewise. */
  edits: StepPutInSchema.optional(),
  digest: DigestSchema,
  result: RepairResultSchema.optional(),
});
export type SealedRepair = z.infer<typeof SealedRepairSchema>;
