/** What the comparison by kills finds out, as data: what docs/comparison.md holds, and what `--json` prints. */
import * as z from 'zod';

export const EFFECTS = [
  'call with a key',
  'call without a key',
  'row with a key',
  'row without a key',
  'line in a file',
] as const;

export const CHANGES = ['edited', 'added', 'renamed'] as const;
export type Change = (typeof CHANGES)[number];

/** An effect that a step had another number of times than once. */
const TimesSchema = z.strictObject({ effect: z.enum(EFFECTS), step: z.int().min(1).max(5), times: z.int() });
export type Times = z.infer<typeof TimesSchema>;

/** How it came to its end: `not`: it did not within the time that it was given. */
const WaySchema = z.enum(['by itself', 'after a call', 'after an answer', 'not']);
export type Way = z.infer<typeof WaySchema>;

const KillSchema = z.strictObject({
  at: z.string(),
  ended: WaySchema,
  /** From the new process's start to the job's end, or to its question. */
  goOnMs: z.int().optional(),
  /** What it asked a person, where it did. */
  question: z.string().optional(),
  notOnce: z.array(TimesSchema),
});
export type Kill = z.infer<typeof KillSchema>;

const ChangedSchema = z.strictObject({
  /** Before the job went on; by a step that failed; or it did not. */
  noticed: z.enum(['before going on', 'by a failing step', 'no']),
  /** What whoever looks at the job is shown then. */
  sees: z.string(),
  ended: WaySchema,
  /** From the new process's start to the job's end, its question or its giving up. */
  goOnMs: z.int().optional(),
  /** From the mending, or the answer, to the job's end. */
  mendedMs: z.int().optional(),
  /** Of the edited file: the person's line, in the report and in what was published from it. */
  line: z.strictObject({ inReport: z.boolean(), published: z.boolean() }).optional(),
});
export type Changed = z.infer<typeof ChangedSchema>;

/** Of undisturbed jobs, milliseconds from a step's beginning to the next one's. */
const StepMsSchema = z.strictObject({ fastest: z.number().positive(), median: z.number().positive() });
export type StepMs = z.infer<typeof StepMsSchema>;

const MeasuredSchema = z.strictObject({
  name: z.string(),
  what: z.string(),
  docs: z.url(),
  advice: z.string(),
  versions: z.record(z.string(), z.string()),
  kills: z.array(KillSchema).min(1),
  edited: ChangedSchema,
  added: ChangedSchema,
  renamed: ChangedSchema,
  stepMs: StepMsSchema,
});
export type Measured = z.infer<typeof MeasuredSchema>;

const NotRunSchema = z.strictObject({ name: z.string(), what: z.string(), docs: z.url(), notRun: z.string().min(1) });
export type NotRun = z.infer<typeof NotRunSchema>;

export const ComparisonSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Year, month and day. */
  date: z.iso.date(),
  seconds: z.int(),
  node: z.string(),
  postgres: z.string(),
  cores: z.int(),
  /** Processes that computed or waited to, at the beginning: what the times are worth. */
  load: z.number(),
  peers: z.array(z.union([MeasuredSchema, NotRunSchema])),
});
export type Comparison = z.infer<typeof ComparisonSchema>;
