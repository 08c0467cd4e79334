/** What code without types may give `ctx`, and it does not know, is refused by name: nothing is left at its default. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as z from 'zod';
import type { StepContext } from '../../src/index.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { questionFrom } from '../support/questions.ts';

const misspells = defineStep({ name: 'misspells', input: z.strictObject({ call: z.int() }), output: z.null() });

/** As a program without types may call the context. */
const MISSPELLED: readonly (readonly [(ctx: StepContext) => unknown, RegExp])[] = [
  [(ctx) => ctx.files.write('a.txt', 'a', { mod: 0o755 } as never), /files\.write was given "mod", .*"mode"\?/],
  [(ctx) => ctx.files.write('a.txt', 5 as never), /was given a number where content belongs/],
  [(ctx) => ctx.files.readText('b.txt', { encodin: 'x' } as never), /readText was given "encodin", .*"encoding"\?/],
  [(ctx) => ctx.files.list('', { recursiv: true } as never), /list was given "recursiv", .*"recursive"\?/],
  [(ctx) => ctx.files.list('', true as never), /list was given a boolean where options belong.*recursive/],
  [(ctx) => ctx.db('own').query('SELECT 1', [], { maxRow: 1 } as never), /query was given "maxRow", .*"maxRows"\?/],
  [(ctx) => ctx.db('own').insert('t', { id: 1 }, { column: [] } as never), /insert was given "column", .*"columns"\?/],
  [(ctx) => ctx.db('own').upsert('t', { id: 1 }, { column: [] } as never), /upsert was given "column", .*"columns"\?/],
  [(ctx) => ctx.db('own').update('t', {}, {}, { column: [] } as never), /update was given "column", .*"columns"\?/],
  [(ctx) => ctx.db('own').sql('x', [], { writes: ['t'], undos: 1 } as never), /sql was given "undos", .*"undo"\?/],
  [
    (ctx) => ctx.db('own').sql('x', [], { writes: ['t'], undo: { sql: 'x' } } as never),
    /undo of ctx\.db\(\)\.sql was given "sql", .*Known are text, params/,
  ],
  [(ctx) => ctx.perform('a', { readonly: true, run: () => 1 } as never), /given "readonly", .*"readOnly"\?/],
  [(ctx) => ctx.perform('a', { inDoubt: 'repaet', run: () => 1 } as never), /inDoubt "repaet"\. Expected one of ask/],
  [(ctx) => ctx.command(['true'], { timeout: 1 } as never), /ctx\.command was given .*timeout/],
  [(ctx) => ctx.http('b', { url: 'http://x', timeout: 1 } as never), /timeout/],
];

test('an option that the context does not know is refused, with the one that was meant', async () => {
  const code = implementStep(misspells, async (ctx, { call }) => {
    await ctx.files.write('staged.txt', 'never applied');
    await MISSPELLED[call]![0](ctx);
    return null;
  });
  await using job = openTestJob({ steps: [code], databases: { own: 'sqlite:own.db' } });
  writeFileSync(join(job.workspace, 'b.txt'), 'b');
  for (const [call, [, message]] of MISSPELLED.entries()) {
    const { kind, findings } = await questionFrom(job.step(misspells, { call }, { stepId: `call-${call}` }));
    assert.equal(kind, 'stuck');
    assert.match(findings[0]!.found.text, message);
  }
  assert.equal(existsSync(join(job.workspace, 'staged.txt')), false);
});
