/** The steps of the model's job, as real code. */
import * as z from 'zod';
import { isFailure } from '../../src/model/failure.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import type { ProtocolHost } from '../../src/protocol/host.ts';
import { defineStep, implementStep } from '../../src/testing.ts';
import { ABSENT, type Database, type Value } from './state.ts';

const input = z.object({ gen: z.int() });

/** @param counted how often a value was drawn so far */
export function stepsOfModel(counted: { draws: number }): ProtocolHost['steps'] {
  const row = async (ctx: StepContext, db: Database, value: Value): Promise<void> =>
    await ctx.db(db).upsert('t', { id: 1, value });
  const a = implementStep(defineStep({ name: 'act-a', input, output: z.any() }), async (ctx, { gen }) => {
    await ctx.files.write('f', `a${gen}`);
    if (gen === 0) await ctx.files.write('g', `a${gen}`);
    await row(ctx, 'd1', `a${gen}`);
    await row(ctx, 'd2', `a${gen}`);
    return null;
  });
  const b = implementStep(defineStep({ name: 'act-b', input, output: z.any() }), async (ctx, { gen }) => {
    const f = await ctx.files.readText('f').catch((error: unknown) => {
      if (isFailure(error, 'not-found')) return ABSENT;
      throw error;
    });
    const drawn = await ctx.once('draw', () => (counted.draws += 1));
    await ctx.step('s', { gen }, async (sub) => {
      await row(sub, 'd1', `s${gen}`);
      return null;
    });
    await ctx.files.write('g', `b${gen}(${f},${drawn})`);
    await row(ctx, 'd2', `b${gen}`);
    return null;
  });
  return new Map([a, b].map((step) => [step.contract.name, step])) as never;
}
