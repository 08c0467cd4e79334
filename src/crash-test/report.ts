/** What a crash test found, as data. */
import * as z from 'zod';
import { DifferenceSchema } from './difference.ts';

export const CaseOutcomeSchema = z.enum(['same', 'asks', 'differs', 'stuck']);
/** What came of a case; see `CaseReport.outcome`. */
export type CaseOutcome = z.infer<typeof CaseOutcomeSchema>;

export const CaseReportSchema = z.strictObject({
  /** As `--points` takes it: `charge/seal.after:2`. */
  id: z.string(),
  /** What was done to the worker, or to what it asked for. */
  how: z.enum(['kill', 'freeze', 'answer-lost', 'syscall', 'io-error']),
  /** The step's name; `job` or `worker` for what belongs to none. */
  step: z.string(),
  /** The point's name and which time it was passed, or the system call. */
  point: z.string(),
  /**
   * `same`: as the undisturbed run. `asks`: a person is asked who was not asked there, and no answer was given.
   * `differs`. `stuck`: it did not end, or its worker ended by itself.
   */
  outcome: CaseOutcomeSchema,
  /** Did the run come to its point? Absent: yes. */
  missed: z.literal(true).optional(),
  /** Empty unless the outcome is `differs`. */
  differences: z.array(DifferenceSchema),
  /** What is asked, or why it did not end. */
  text: z.string().optional(),
  /** Of the run, in milliseconds. */
  durationMs: z.int(),
});
/** One run and what came of it. */
export type CaseReport = z.infer<typeof CaseReportSchema>;

export const FaultSchema = z.strictObject({
  /** As the first of the cases shows it. */
  difference: DifferenceSchema,
  /** The cases that show it. */
  cases: z.array(z.string()),
});
/** A fault that was found, told once however many cases show it. */
export type CrashFault = z.infer<typeof FaultSchema>;

/** The form of a crash test's report. */
export const CrashReportSchema = z.strictObject({
  /** Of this form. */
  schemaVersion: z.literal(1),
  /** The plan's name, or the Workflow's. */
  name: z.string(),
  /** No case differs, asks or is stuck. */
  ok: z.boolean(),
  /** Which chose the hits and pairs. */
  seed: z.int(),
  /** Steps of the undisturbed run, and how many points it passed. */
  undisturbed: z.strictObject({ outcome: z.string(), steps: z.int(), points: z.int(), durationMs: z.int() }),
  /** What differs between undisturbed runs, and was compared by its count alone. */
  notCompared: z.array(z.string()),
  /** Cases in all, and by their outcome. */
  counts: z.strictObject({ cases: z.int(), same: z.int(), asks: z.int(), differs: z.int(), stuck: z.int() }),
  /** Each once. */
  faults: z.array(FaultSchema),
  /** Each run. */
  cases: z.array(CaseReportSchema),
  /** Of the whole test, in milliseconds. */
  durationMs: z.int(),
});
/** What a crash test found. */
export type CrashReport = z.infer<typeof CrashReportSchema>;
