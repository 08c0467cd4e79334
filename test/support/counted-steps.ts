/** Steps and sub-steps of the same kind, one after the other, for whoever counts what one of them costs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';

export type CountedKind = 'step' | 'step with effects' | 'sub-step' | 'sub-step with effects';

export interface CountedRun {
  readonly workspace: string;
  readonly kind: CountedKind;
  /** Called before the first that counts, and after the last. */
  readonly onCounted: () => void;
}

/** The first ones open files, and prepare statements. */
const WARM = 8;
export const COUNTED = 20;

const CONTENT = 'x'.repeat(1024);
const one = defineStep({
  name: 'one',
  input: z.strictObject({ id: z.int() }),
  output: z.strictObject({ id: z.int() }),
});
const all = defineStep({ name: 'all', input: z.strictObject({}), output: z.null() });

/** A 1 KiB file that is new, and one row. */
async function makeEffects(ctx: StepContext, id: number): Promise<void> {
  await ctx.files.write(`notes/${id}.txt`, CONTENT);
  await ctx.db('main').insert('note', { id, text: 'x' });
}

export async function runCounted({ workspace, kind, onCounted }: CountedRun): Promise<void> {
  mkdirSync(join(workspace, 'notes'));
  const database = new DatabaseSync(join(workspace, 'main.db'));
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)');
  database.close();
  const hasEffects = kind.endsWith('effects');
  const act = async (ctx: StepContext, id: number): Promise<{ id: number }> => {
    if (hasEffects) await makeEffects(ctx, id);
    return { id };
  };
  const repeat = async (make: (id: number) => Promise<unknown>): Promise<void> => {
    for (let id = 0; id < WARM + COUNTED; id++) {
      if (id === WARM) onCounted();
      await make(id);
    }
    onCounted();
  };
  const steps = [
    implementStep(one, async (ctx, { id }) => await act(ctx, id)),
    implementStep(all, async (ctx) => {
      await repeat(async (id) => await ctx.step(`s${id}`, { id }, async (sub, input) => await act(sub, input.id)));
      return null;
    }),
  ];
  const job = openTestJob({ workspace, steps: steps as never, databases: { main: 'sqlite:main.db' } });
  try {
    await job.verify();
    if (kind.startsWith('sub-step')) await job.step(all, {});
    else await repeat(async (id) => await job.step(one, { id }, { stepId: `s${id}` }));
  } finally {
    await job.close();
  }
}
