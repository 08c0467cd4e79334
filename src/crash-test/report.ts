/** What a crash test found, as data. */
import * as z from 'zod';
import { DifferenceSchema } from './difference.ts';

export const CaseOutcomeSchema = z.enum(['same', 'asks', 'differs', 'stuck']);
export type CaseOutcome = z.infer<typeof CaseOutcomeSchema>;

export const CaseReportSchema = z.strictObject({
  /** As `--points` takes it: `charge/seal.after:2`. */
  id: z.string(),
  how: z.enum(['kill', 'freeze', 'answer-lost', 'syscall', 'io-error']),
  step: z.string(),
  point: z.string(),
  /**
   * `same`: as the undisturbed run. `asks`: a person is asked who was not asked there, and no answer was given.
   * `differs`. `stuck`: it did not end, or its worker ended by itself.
   */
  outcome: CaseOutcomeSchema,
  /** Did the run come to its point? Absent: yes. */
  missed: z.literal(true).optional(),
  differences: z.array(DifferenceSchema),
  /** What is asked, or why it did not end. */
  text: z.string().optional(),
  durationMs: z.int(),
});
export type CaseReport = z.infer<typeof CaseReportSchema>;

export const FaultSchema = z.strictObject({
  difference: DifferenceSchema,
  /** The cases that show it. */
  cases: z.array(z.string()),
});
export type CrashFault = z.infer<typeof FaultSchema>;

/** The form of a crash test's report. */
export const CrashReportSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** The plan's name, or the Workflow's. */
  name: z.string(),
  /** No case differs, asks or is stuck. */
  ok: z.boolean(),
  seed: z.int(),
  /** Steps of the undisturbed run, and how many points it passed. */
  undisturbed: z.strictObject({ outcome: z.string(), steps: z.int(), points: z.int(), durationMs: z.int() }),
  /** What differs between undisturbed runs, and was compared by its count alone. */
  notCompared: z.array(z.string()),
  counts: z.strictObject({ cases: z.int(), same: z.int(), asks: z.int(), differs: z.int(), stuck: z.int() }),
  faults: z.array(FaultSchema),
  cases: z.array(CaseReportSchema),
  durationMs: z.int(),
});
export type CrashReport = z.infer<typeof CrashReportSchema>;
