/** What the benchmark's steps take and give; without code, so that Workflows may import it. */
import * as z from 'zod';
import { defineStep } from '../src/model/step/step.ts';

/** Writes one file of 1 KiB and one row; `place`: in the place of another's, which a long job writes again in turns. */
export const noteStep = defineStep({
  name: 'note',
  input: z.strictObject({ index: z.int(), place: z.int().optional() }),
  output: z.strictObject({ index: z.int() }),
});

/** Streams one file. */
export const streamStep = defineStep({
  name: 'stream',
  input: z.strictObject({ sizeBytes: z.int() }),
  output: z.strictObject({}),
});

/** Notes the time outside the workspace; the first time it then waits to be killed. */
export const waitToBeKilledStep = defineStep({
  name: 'wait-to-be-killed',
  input: z.strictObject({ journal: z.string() }),
  output: z.strictObject({}),
});

export interface JobInput {
  readonly workspace: string;
  readonly steps: number;
  /** So many files and rows are written in turns, and the job continues as new. Default: each its own, in one Run. */
  readonly places?: number;
  /** Of a bare job that has continued as new. */
  readonly from?: number;
  /** Rows go to the benchmark's PostgreSQL. Default: to a SQLite file in the workspace. */
  readonly isOnPostgres?: boolean;
}

/** Where the bare Activities are served, beside a Task Queue of Holdfast's. */
export function bareTaskQueue(taskQueue: string): string {
  return `${taskQueue}-bare`;
}
