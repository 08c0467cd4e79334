/**
 * A saga: steps that each change the world in another way, and know how to be undone. For each step of `SAGA` the tests
 * abort after it and kill its undoing.
 *
 * Invariant: `worldOf` tells all that the saga may change, from outside: files with modes, links and folders, rows, and
 * what stands on the other side of the calls.
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { Json, JsonObject } from '../../src/model/canonical-json.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { implementStep, type StepContract, type StepImplementation } from '../../src/model/step/step.ts';
import { filesIn } from '../fault/support/kill-run.ts';
import { changeRows } from '../fault/support/outside-database.ts';
import { send } from './perform-child.ts';
import { both, commanding, paying, posting, removing, replacing, rows, statement, writing } from './saga-contracts.ts';

export interface SagaPlaces {
  readonly workspace: string;
  /** As an outsider opens it: `sqlite:/absolute` or `postgres://…`. */
  readonly databaseUrl: string;
  /** Of the endpoint that counts. */
  readonly url: string;
}

/** In this order; each with what it is given, and what it calls when it is done and when it is undone. */
export const SAGA: readonly {
  readonly contract: StepContract;
  readonly input: Json;
  readonly calls?: { readonly done: string; readonly undone: string };
}[] = [
  { contract: writing, input: { text: 'first' } },
  { contract: replacing, input: {} },
  { contract: rows, input: {} },
  { contract: paying, input: { amount: 7 }, calls: { done: '/charge', undone: '/refund' } },
  { contract: removing, input: {} },
  { contract: statement, input: {} },
  { contract: posting, input: {}, calls: { done: '/orders', undone: '/orders/cancel' } },
  { contract: commanding, input: {} },
  { contract: both, input: {} },
];

/** Files changed, removed and made; folders and links, too, and each in the place of another. */
const COMMAND = [
  "sed -i 's/job/command/' there/plain.txt",
  'rm there/run.sh',
  'mkdir -p made/by',
  'echo made > made/by/sh.txt',
  'ln -s by/sh.txt made/link',
  'chmod 700 there',
  'rm there/becomes-folder',
  'mkdir there/becomes-folder',
  'echo in > there/becomes-folder/in.txt',
  'rm -r there/becomes-file',
  'echo file > there/becomes-file',
  'rmdir there/empty',
  'ln -sf gone.txt there/turned',
].join(' && ');

export function sagaSteps({ url }: Pick<SagaPlaces, 'url'>): readonly StepImplementation[] {
  const placeholder = (ctx: StepContext): string => (ctx.db('main').dialect === 'sqlite' ? '?' : '$1');
  const steps = [
    implementStep(writing, async (ctx, { text }) => {
      await ctx.files.write('new/deep/one.txt', `${text}\n`);
      await ctx.files.write('new/two.bin', new Uint8Array(300_000).fill(7), { mode: 0o600 });
      await ctx.files.write('there/plain.txt', `${text}, by the job\n`);
      return { text };
    }),
    implementStep(replacing, async (ctx) => {
      await ctx.files.write('new/deep/one.txt', 'second\n');
      await ctx.files.write('there/run.sh', '#!/bin/sh\necho changed\n', { mode: 0o700 });
      await ctx.files.write('there/link', 'no link any more\n');
      return null;
    }),
    implementStep(removing, async (ctx) => {
      await ctx.files.remove('there/gone.txt');
      await ctx.files.remove('there/other-link');
      await ctx.files.remove('new/deep/one.txt');
      return null;
    }),
    implementStep(rows, async (ctx) => {
      const db = ctx.db('main');
      await db.insert('item', [
        { id: 10, name: 'ten', size: 10 },
        { id: 11, name: 'eleven', size: 11 },
      ]);
      await db.update('item', { id: 1 }, { name: 'one again' });
      await db.upsert('item', [
        { id: 2, name: 'two again', size: 22 },
        { id: 12, name: 'twelve', size: 12 },
      ]);
      await db.delete('item', { id: 3 });
      return null;
    }),
    implementStep(statement, async (ctx) => {
      const db = ctx.db('main');
      await db.sql(`UPDATE item SET size = size + ${placeholder(ctx)}`, [100], {
        writes: ['item'],
        undo: { text: `UPDATE item SET size = size - ${placeholder(ctx)}`, params: [100] },
      });
      await db.sql('CREATE TABLE made (id INTEGER PRIMARY KEY)', [], {
        writes: ['made'],
        undo: { text: 'DROP TABLE made' },
      });
      return null;
    }),
    implementStep(
      paying,
      async (ctx, { amount }) => {
        const answer = await ctx.perform('charge', {
          request: { amount },
          inDoubt: 'repeat',
          run: ({ key }) => send(`${url}/charge`, key, { amount }),
        });
        await ctx.files.write('receipt.json', JSON.stringify(answer));
        return answer;
      },
      {
        compensate: async (ctx, { input, output, calls }) => {
          const receipt = await ctx.files.exists('receipt.json');
          const why = await ctx.once('why', () => `as asked ${receipt ? 'with' : 'without'} a receipt`);
          for (const { key, answer } of calls)
            await ctx.perform('refund', {
              request: { charge: key, amount: input.amount, answer, output: output ?? null, why },
              inDoubt: 'repeat',
              run: ({ key: own }) => send(`${url}/refund`, own, { charge: key }),
            });
          await ctx.files.write('refunds.log', `refunded ${calls.length}\n`);
          await ctx.files.remove('refunds.log');
        },
      },
    ),
    implementStep(
      posting,
      async (ctx) => {
        const response = await ctx.http('order', {
          url: `${url}/orders`,
          method: 'POST',
          json: { order: 1 },
          idempotent: true,
        });
        await ctx.files.write('order.json', response.text);
        return response.json();
      },
      {
        compensate: async (ctx, { calls }) => {
          for (const { key } of calls)
            await ctx.http('cancel', {
              url: `${url}/orders/cancel`,
              method: 'POST',
              json: { order: key },
              idempotent: true,
            });
        },
      },
    ),
    implementStep(commanding, async (ctx) => (await ctx.command(COMMAND, { shell: true })).exitCode),
    implementStep(both, async (ctx) => {
      await ctx.files.write('last/file.txt', 'last\n');
      await ctx.db('main').update('item', { id: 1 }, { size: 1_001 });
      return null;
    }),
  ];
  return steps as unknown as readonly StepImplementation[];
}

/** The saga's calls, one after the other, as the endpoint gets them. */
export function callsOf(count: number): readonly string[] {
  const made = SAGA.slice(0, count);
  return [
    ...made.flatMap(({ calls }) => (calls === undefined ? [] : [calls.done])),
    ...made.toReversed().flatMap(({ calls }) => (calls === undefined ? [] : [calls.undone])),
  ];
}

/** As a plan, one step after the other; then a step that waits for an approval. */
export function sagaPlan(url: string): JsonObject & { readonly steps: JsonObject[] } {
  return {
    schemaVersion: 1,
    name: 'saga',
    workspace: 'unused',
    databases: { main: { url: 'sqlite:db/main.db' } },
    http: { hosts: [url] },
    steps: [
      ...SAGA.map(({ contract, input }, index) => ({
        id: contract.name,
        use: contract.name,
        with: input,
        ...(index === 0 ? {} : { needs: [SAGA[index - 1]!.contract.name] }),
      })),
      {
        id: 'asks',
        use: 'file.write',
        with: { path: 'asks.txt', content: 'asks' },
        needs: [SAGA.at(-1)!.contract.name],
        approval: 'before-apply',
      },
    ],
  };
}

/** What was there before the job. */
export async function prepareSagaWorld({
  workspace,
  databaseUrl,
}: Pick<SagaPlaces, 'workspace' | 'databaseUrl'>): Promise<void> {
  mkdirSync(join(workspace, 'there'), { recursive: true });
  mkdirSync(join(workspace, 'db'), { recursive: true });
  writeFileSync(join(workspace, 'there/plain.txt'), 'plain\r\nwith two lines');
  writeFileSync(join(workspace, 'there/run.sh'), '#!/bin/sh\necho before\n');
  chmodSync(join(workspace, 'there/run.sh'), 0o751);
  writeFileSync(join(workspace, 'there/gone.txt'), Buffer.from([0, 255, 1, 254, 10]), { mode: 0o640 });
  chmodSync(join(workspace, 'there/gone.txt'), 0o444);
  mkdirSync(join(workspace, 'there/becomes-file/deep'), { recursive: true });
  writeFileSync(join(workspace, 'there/becomes-file/deep/a.txt'), 'in a folder\n', { mode: 0o604 });
  writeFileSync(join(workspace, 'there/becomes-folder'), 'a file\n');
  mkdirSync(join(workspace, 'there/empty'), { mode: 0o755 });
  chmodSync(join(workspace, 'there/empty'), 0o750);
  symlinkSync('plain.txt', join(workspace, 'there/turned'));
  symlinkSync('plain.txt', join(workspace, 'there/link'));
  symlinkSync('/nowhere at all', join(workspace, 'there/other-link'));
  await changeRows(databaseUrl, [
    'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL, note TEXT)',
    "INSERT INTO item VALUES (1, 'one', 1, 'kept'), (2, 'two', 2, NULL), (3, 'three', 3, 'has a note'), " +
      "(4, 'four', 4, NULL)",
  ]);
}

export interface SagaWorld {
  readonly files: Readonly<Record<string, string>>;
  readonly item: readonly unknown[];
  readonly tables: readonly unknown[];
}

export async function worldOf({
  workspace,
  databaseUrl,
}: Pick<SagaPlaces, 'workspace' | 'databaseUrl'>): Promise<SagaWorld> {
  const files = filesIn(workspace);
  const items = 'SELECT * FROM item ORDER BY id';
  if (databaseUrl.startsWith('sqlite:')) {
    const database = new DatabaseSync(databaseUrl.slice('sqlite:'.length), { readOnly: true });
    try {
      const tables = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'holdfast%' ORDER BY name")
        .all();
      return {
        files,
        item: database
          .prepare(items)
          .all()
          .map((row) => ({ ...row })),
        tables: tables.map((row) => row['name']),
      };
    } finally {
      database.close();
    }
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const tables = await client.query(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND " +
        "table_name NOT LIKE 'holdfast%' ORDER BY 1",
    );
    return {
      files,
      item: (await client.query(items)).rows as unknown[],
      tables: tables.rows.map((row: { name: string }) => row.name),
    };
  } finally {
    await client.end();
  }
}
