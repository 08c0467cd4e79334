/**
 * A worker process that runs a plan whose steps have a `forEach` each, of built-in steps and of one's own, and kills
 * itself where it is told.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { chargeOnce } from './charge-once.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import type { StepImplementation } from '../../src/model/step/step.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, QuestionAsked } from '../../src/testing.ts';
import { openChildJob } from './child-job.ts';
import { killingHook } from './killing.ts';
import type { SubStepEnd, SubStepOrder } from './sub-step-child.ts';

const own = defineStep({
  name: 'own',
  input: z.strictObject({ name: z.string(), id: z.int() }),
  output: z.string(),
});

export interface ForEachOrder extends SubStepOrder {
  readonly within: 'activity' | 'workflow';
  /** An endpoint that knows a key. */
  readonly url: string;
}

export function listSteps({ outside }: Pick<ForEachOrder, 'outside'>): readonly StepImplementation[] {
  const code = implementStep(own, async (ctx, { name, id }) => {
    const paid = await ctx.perform('charge', {
      request: { name },
      inDoubt: 'repeat',
      run: ({ key }) => chargeOnce(outside, key),
    });
    const value = await ctx.once('value', () => `${paid} once`);
    await ctx.step('inner', { name }, async (sub) => await sub.files.write(`inner/${name}.txt`, name));
    await ctx.files.write(`own/${name}.txt`, `${value}\n`);
    await ctx.db('main').insert('note', { id, text: value });
    appendFileSync(join(outside, 'ran'), `${name}\n`);
    return value;
  });
  return [code] as unknown as readonly StepImplementation[];
}

export function listPlan({ within, url, databaseUrl }: Pick<ForEachOrder, 'within' | 'url' | 'databaseUrl'>): Json {
  const text = `${databaseUrl.startsWith('sqlite:') ? '?, ?' : '$1, $2'}`;
  const each = (id: string, use: string, items: readonly Json[], more: Readonly<Record<string, Json>>): Json => {
    const { atOnce = 1, needs = [], ...given } = more;
    return { id, use, needs, forEach: { items, within, atOnce }, with: given };
  };
  const [item, index] = ['${{ item }}', '${{ index }}'];
  const sql = `INSERT INTO note (id, text) VALUES (${text})`;
  const letters = ['a', 'b', 'c'];
  const commands = { run: `mkdir ${item} && cp outer-input.txt ${item}/copy.txt && echo ${item}`, shell: true };
  return {
    schemaVersion: 1,
    name: 'each',
    workspace: '.',
    databases: { main: { url: '${{ env.DATABASE_URL }}' } },
    http: { hosts: [url] },
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
      each('files', 'file.write', letters, {
        atOnce: 3,
        path: `files/${item}.txt`,
        content: `number ${index}`,
        needs: ['table'],
      }),
      each('rows', 'db.sql', ['x', 'y'], {
        database: 'main',
        sql,
        params: [index, item],
        writes: ['note'],
        needs: ['files'],
      }),
      each('built', 'command', ['left', 'right'], { ...commands, paths: ['outer-input.txt'], needs: ['rows'] }),
      each('posted', 'http', letters, {
        url: `${url}/charges`,
        method: 'POST',
        json: { item },
        idempotent: true,
        needs: ['built'],
      }),
      each('own', 'own', [10, 11, 12], { atOnce: 2, name: `own-${index}`, id: item, needs: ['posted'] }),
    ],
  };
}

export async function carryOut(order: ForEachOrder): Promise<SubStepEnd> {
  setFaultHook(killingHook(order));
  const job = openChildJob(order, listSteps(order));
  try {
    const { outputs } = await job.runPlan(listPlan(order));
    return { output: [outputs['own']!, outputs['files']!] };
  } catch (error) {
    if (error instanceof QuestionAsked) return { failure: error.message };
    throw error;
  } finally {
    await job.close();
  }
}

if (process.argv[2] === 'for-each') {
  const end = await carryOut(JSON.parse(process.argv[3]!) as ForEachOrder);
  process.stdout.write(JSON.stringify(end));
}
