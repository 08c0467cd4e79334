/**
 * A worker process that runs a step with sub-steps of all kinds, and kills itself where it is told. The step is here,
 * for the tests, too.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { chargeOnce } from './charge-once.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { StepImplementation } from '../../src/model/step/step.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, QuestionAsked, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { openChildJob } from './child-job.ts';
import { killingHook, type Kill, type Killing } from './killing.ts';

const isChild = process.argv[2] === 'sub-steps';

export const importing = defineStep({ name: 'importing', input: z.object({}), output: z.any() });
export const table = defineStep({ name: 'table', input: z.object({}), output: z.any() });
const note = defineStep({ name: 'note', input: z.strictObject({ id: z.int() }), output: z.any() });

/**
 * `run`: to its end. `rerun`: then somebody edits what a sub-step wrote, and a person lets the step run again. `undo`:
 * then all of it is undone.
 */
export type SubStepWay = 'run' | 'rerun' | 'undo';

export interface SubStepOrder extends Killing {
  readonly workspace: string;
  /** A folder outside the job: a line for each run of a piece of code, a file for each key of a call. */
  readonly outside: string;
  readonly databaseUrl: string;
  readonly memory: TestJobMemory;
  /** Default: `run`. It is killed in what the way has beyond `run`. */
  readonly way?: SubStepWay;
  /** It stops (SIGSTOP) at this hit of this point, once. */
  readonly stop?: Kill;
}

export type SubStepEnd = { readonly output: Json } | { readonly undone: Json } | { readonly failure: string };

function steps({ outside }: SubStepOrder): readonly StepImplementation[] {
  const ran = (name: string): void => appendFileSync(join(outside, 'ran'), `${name}\n`);
  const writeNote = async (ctx: StepContext, id: number, text: string): Promise<void> => {
    await ctx.files.write(`notes/${id}.txt`, `${text}\n`);
    await ctx.db('main').insert('note', { id, text });
  };
  const implementations = [
    implementStep(table, async (ctx) => {
      const columns = 'id INTEGER PRIMARY KEY, text TEXT NOT NULL';
      await ctx.db('main').sql(`CREATE TABLE note (${columns})`, [], { writes: ['note'] });
    }),
    implementStep(note, async (ctx, { id }) => {
      ran(ctx.stepId);
      await writeNote(ctx, id, 'by a contract');
      return id;
    }),
    implementStep(importing, async (ctx) => {
      await ctx.files.write('outer.txt', 'outer\n');
      const plain = await ctx.step('plain', { n: 20 }, (_, { n }) => n + 1);
      await ctx.step('both', { id: 1 }, async (sub, { id }) => {
        ran('both');
        await writeNote(sub, id, `after ${plain}`);
      });
      const paid = await ctx.step('pay', { amount: 7 }, async (sub, { amount }) => {
        const answer = await sub.perform('charge', {
          request: { amount },
          inDoubt: 'repeat',
          run: ({ key }) => chargeOnce(outside, key),
        });
        const value = await sub.once('value', () => `${answer} once`);
        await sub.files.write('receipt.txt', `${value}\n`);
        return value;
      });
      const pair = await Promise.all(
        ['left', 'right'].map((side) =>
          ctx.step(side, { side }, async (sub) => {
            ran(side);
            // Too large for the ledger: a blob.
            await sub.files.write(`sides/${side}.txt`, `${side} `.repeat(5_000));
            return side;
          }),
        ),
      );
      const inner = await ctx.step('deep', null, async (sub) => {
        await sub.step(note, { id: 2 });
        await writeNote(sub, 3, 'around');
        return 'deep';
      });
      const built = await ctx.step('build', null, async (sub) => {
        const { stdout } = await sub.command('mkdir built && cp outer-input.txt built/copy.txt && cat built/copy.txt', {
          shell: true,
        });
        return stdout;
      });
      ran('importing');
      return { plain, paid, pair, inner, built };
    }),
  ];
  return implementations as unknown as readonly StepImplementation[];
}

export function openSubSteps(order: SubStepOrder): TestJob {
  return openChildJob(order, steps(order), `worker-${randomUUID()}`);
}

/** Like a worker: it goes on from wherever an earlier one was killed. */
export async function carryOut(order: SubStepOrder): Promise<SubStepEnd> {
  const { way = 'run', outside } = order;
  const job = openSubSteps(order);
  try {
    if (order.stop !== undefined && isChild) return await oneRequest(job, order);
    if (way === 'run') hookIn(order);
    const undoing = join(outside, 'undoing');
    if (!existsSync(undoing)) {
      const output = await untilDone(job);
      if (way === 'run') return { output };
      if (way === 'rerun') return { output: await afterAnEdit(job, order) };
      writeFileSync(undoing, '');
    }
    hookIn(order);
    return { undone: (await job.undo()).leftTotal };
  } catch (error) {
    if (isFailure(error)) return { failure: error.type };
    throw error;
  } finally {
    setFaultHook(undefined);
    await job.close();
  }
}

/** It freezes within the one request that it makes. */
async function oneRequest(job: TestJob, order: SubStepOrder): Promise<SubStepEnd> {
  await job.step(table, {}, { stepId: 'table' });
  hookIn(order);
  const { kind } = await job.ask({ stepId: 'importing', step: 'importing', input: {} });
  return { failure: kind };
}

/** A person lets run again what may, and keeps what is ahead after a reset. */
async function untilDone(job: TestJob): Promise<Json> {
  for (;;)
    try {
      await job.step(table, {}, { stepId: 'table' });
      return (await job.step(importing, {}, { stepId: 'importing' })) as Json;
    } catch (error) {
      if (!(error instanceof QuestionAsked)) throw error;
      const mayRerun = error.question.findings.every(({ answers }) => answers.includes('rerun'));
      await job.decide(error.question, { answer: mayRerun ? 'rerun' : 'keep' });
    }
}

async function afterAnEdit(job: TestJob, order: SubStepOrder): Promise<Json> {
  const edited = join(order.outside, 'edited');
  if (!existsSync(edited)) {
    writeFileSync(join(order.workspace, 'notes/1.txt'), 'by hand\n');
    writeFileSync(edited, '');
  }
  hookIn(order);
  const compared = await job.verify();
  if (compared.kind === 'question') await job.decide(compared.question, { answer: 'rerun' });
  return await untilDone(job);
}

/** Whoever shares its process with others that are not to be killed has none. */
function hookIn(order: SubStepOrder): void {
  if (!isChild && order.hits === undefined) return;
  const kill = killingHook(order);
  let stops = 0;
  setFaultHook((point) => {
    if (point === order.stop?.point && ++stops === order.stop.hit) process.kill(process.pid, 'SIGSTOP');
    kill(point);
  });
}

if (isChild) process.stdout.write(JSON.stringify(await carryOut(JSON.parse(process.argv[3]!) as SubStepOrder)));
