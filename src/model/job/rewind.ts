/** A rewind: what a person sends, and the Activity `rewind`. Its answer is that of a decision. */
import * as z from 'zod';
import type { UndoPreview } from './undo-preview.ts';
import type { UnrepeatableStep } from '../question/unrepeatable.ts';
import { HoldfastError } from '../failure.ts';
import { parsedAs, type Parsed } from '../parsed.ts';
import { AnswerSchema } from '../question/answer.ts';
import { WhySchema, whoSchema } from '../question/who-and-why.ts';
import { ChainPlaceSchema } from './chain-place.ts';

/**
 * The Signal and Update `rewind`: a job goes back to one of its checkpoints, and the world with it; or its latest
 * rewind is undone.
 */
export const RewindSchema = z.strictObject({
  /** The number of the checkpoint: `holdfast checkpoints` lists them. Not beside `undo`. */
  to: z.int('expected the number of a checkpoint').min(1, 'expected the number of a checkpoint, from 1 on').optional(),
  /** The latest rewind is undone, or the latest undoing of one: what it took away is put back. Not beside `to`. */
  undo: z.literal(true, 'expected true, or nothing').optional(),
  /** Who rewinds: an email address, for example. At most 200 characters. */
  by: whoSchema('rewinds'),
  /** Why. At most 2,000 characters. */
  reason: WhySchema,
  /**
   * What nothing undoes and is made anew all the same: `statements:STEP` and `perform:STEP/NAME`, each `repeat`. The
   * former must be named; a call that is not keeps its answer.
   */
  items: z.record(z.string(), AnswerSchema).optional(),
});
/** What a person sends to rewind a job. */
export type Rewind = z.infer<typeof RewindSchema>;

/** Never throws. */
export function parseRewind(value: unknown): Parsed<Rewind> {
  const parsed = parsedAs(RewindSchema, value);
  if ('problems' in parsed || (parsed.value.to === undefined) === (parsed.value.undo === true)) return parsed;
  const found = parsed.value.to === undefined ? 'neither' : 'both';
  return { problems: [`expected to (the number of a checkpoint) or undo (true), found ${found}`] };
}

/** @throws HoldfastError `bad-input` */
export function usableRewind(value: unknown): Rewind {
  const parsed = parseRewind(value);
  if ('value' in parsed) return parsed.value;
  const { problems } = parsed;
  throw new HoldfastError('bad-input', `The job cannot be rewound so: ${problems.join('; ')}.`, { problems });
}

export const RewindRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  rewind: RewindSchema,
  /** How far the Workflow knew the record when it asked: the same rewind asked for later is another one. */
  known: ChainPlaceSchema,
  /** Only where it has been begun: an attempt before failed, and a comparison may have completed it. */
  onlyBegun: z.boolean().optional(),
  /** How many of the steps that run again are known. */
  rerunsFrom: z.int().min(0).optional(),
});
export type RewindRequest = z.infer<typeof RewindRequestSchema>;

export const RewindAnswerSchema = z.strictObject({
  /** The number of the checkpoint that the job goes on from. */
  to: z.int(),
  /** The steps that run again; of more than 5,000 the first ones. */
  runsAgain: z.array(z.string()),
  /** Of a rewind that was undone: steps whose earlier results count again; of many the first ones. */
  reinstated: z.array(z.string()).optional(),
  /** What was done, in words. */
  done: z.array(z.string()),
  /** The job had ended: the Run that goes back. */
  runId: z.string().optional(),
  /**
   * Of such a Run that has not gone back yet: what it waits for. `worker`: one that takes it. `decision`: of the
   * questions that it asks first.
   */
  waitsFor: z.enum(['worker', 'decision']).optional(),
});
/** More would not fit into an answer. */
export const MAX_STEPS_ANSWERED = 5_000;
/** What the `rewind` Update, and `client.rewind`, answer. */
export type RewindAnswer = z.infer<typeof RewindAnswerSchema>;

/** What a rewind would do. */
export interface RewindPreview {
  /** The number of the checkpoint. */
  readonly to: number;
  /** The steps that would run again, in the order of the record. */
  readonly runsAgain: readonly string[];
  /** What would be undone of each, newest first, and what would stay. */
  readonly undoes: readonly UndoPreview[];
  /** Calls whose recorded answers would be kept. */
  readonly callsKept: readonly string[];
  /** Statements that nothing undoes: the rewind must name each. */
  readonly statements: readonly UnrepeatableStep[];
  /** What is not as the record has it, of what would be undone: then nothing would be taken back. */
  readonly differs: readonly string[];
  /** Where a rewind would be undone. */
  readonly undoesRewind?: UndoneRewind;
}

/** What undoing a rewind would put back. */
export interface UndoneRewind {
  /** The number of its record. */
  readonly seq: number;
  /** Who went back, and why. */
  readonly by: string;
  readonly reason: string;
  /** Steps whose results would count again, in the order of the record. */
  readonly reinstates: readonly string[];
  /** Files, rows and statements that would be as they were. */
  readonly puts: readonly string[];
}
