/**
 * A worker process that runs a plan with rounds, with a step that is skipped and with one that fails and resumes, and
 * kills itself where it is told.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { chargeOnce } from './charge-once.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import type { StepImplementation } from '../../src/model/step/step.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, QuestionAsked } from '../../src/testing.ts';
import { openChildJob } from './child-job.ts';
import { killingHook, linesOf } from './killing.ts';
import type { SubStepEnd, SubStepOrder } from './sub-step-child.ts';

const turn = defineStep({
  name: 'turn',
  input: z.strictObject({ round: z.int(), before: z.string().nullable() }),
  output: z.strictObject({ text: z.string(), score: z.int() }),
});
const flaky = defineStep({ name: 'flaky', input: z.strictObject({}), output: z.strictObject({}) });

function steps({ outside }: SubStepOrder): readonly StepImplementation[] {
  const implementations = [
    implementStep(turn, async (ctx, { round, before }) => {
      const paid = await ctx.perform('charge', {
        request: { round },
        inDoubt: 'repeat',
        run: ({ key }) => chargeOnce(outside, key),
      });
      await ctx.files.write(`turn/${round}.txt`, `${before ?? 'nothing'} before\n`);
      await ctx.db('main').insert('note', { id: round, text: paid });
      return { text: `round ${round}`, score: round * 3 };
    }),
    implementStep(flaky, async (ctx) => {
      const tried = join(outside, 'tried');
      appendFileSync(tried, `${ctx.stepId}\n`);
      if (linesOf(tried).length < 3) throw new HoldfastError('bad-output', 'not yet');
      await ctx.files.write('flaky.txt', 'at last\n');
      return {};
    }),
  ];
  return implementations as unknown as readonly StepImplementation[];
}

const PLAN: Json = {
  schemaVersion: 1,
  name: 'rounds',
  workspace: '.',
  databases: { main: { url: '${{ env.DATABASE_URL }}' } },
  state: { scores: { reducer: 'append' } },
  steps: [
    {
      id: 'table',
      use: 'db.sql',
      with: {
        database: 'main',
        sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)',
        writes: ['note'],
      },
    },
    {
      id: 'turn',
      use: 'turn',
      needs: ['table'],
      with: { round: '${{ round }}', before: '${{ previous.text }}' },
      until: { ge: ['${{ output.score }}', 8] },
      maxRounds: 5,
      state: { scores: '${{ output.score }}' },
    },
    {
      id: 'never',
      use: 'file.write',
      when: { lt: ['${{ steps.turn.output.score }}', 9] },
      with: { path: 'never.txt', content: '' },
    },
    { id: 'flaky', use: 'flaky', needs: ['turn'], resume: { atMost: 3, afterSeconds: 0 } },
    {
      id: 'last',
      use: 'file.write',
      needs: ['never', 'flaky'],
      onSkipped: 'run',
      with: { path: 'last.txt', content: '${{ steps.turn.output.text }}\n' },
    },
  ],
};

export async function carryOut(order: SubStepOrder): Promise<SubStepEnd> {
  setFaultHook(killingHook(order));
  const job = openChildJob(order, steps(order));
  try {
    const { outputs, state, skipped = [] } = await job.runPlan(PLAN);
    return { output: [outputs, state, [...skipped]] };
  } catch (error) {
    if (error instanceof QuestionAsked) return { failure: error.message };
    throw error;
  } finally {
    await job.close();
  }
}

if (process.argv[2] === 'rounds') {
  const end = await carryOut(JSON.parse(process.argv[3]!) as SubStepOrder);
  process.stdout.write(JSON.stringify(end));
}
