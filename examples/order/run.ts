/**
 * Two orders. The first one's charge is cut off after it was made: the job asks, and goes on with what was found out.
 * The
 * second one is aborted with `compensate` before it is dispatched: everything is taken back. Each claim at the end is
 * looked up on
 * the other side: in the shop, in the folder, in the database.
 */
import assert from 'node:assert/strict';
import { cp, lstat, mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readPlan } from 'holdfast';
import { connectHoldfast, type HoldfastClient } from 'holdfast/client';
import { Shop } from './shop.ts';
import { makeWorker, TASK_QUEUE } from './worker.ts';

const started = Date.now();
const token = (process.env['SHOP_TOKEN'] ??= `token-${crypto.randomUUID()}`);
const shop = await Shop.open(token);
process.env['SHOP_URL'] = `http://${shop.host}`;
const plan = readPlan(
  (await readFile(path.join(import.meta.dirname, 'plan.yaml'), 'utf8')).replaceAll('127.0.0.1:4711', shop.host),
  'plan.yaml',
);

const worker = await makeWorker();
const working = worker.run();
await using client = await connectHoldfast({ taskQueue: TASK_QUEUE });

console.log('Order A-1: the connection is cut after the card was charged and before the answer.');
shop.cutNextCharge = true;
const first = await order('A-1', async (question) => {
  if (question.kind !== 'in-doubt') return { answer: 'approve', reason: 'an example' };
  const { resource } = question.findings[0]!;
  const [charge] = shop.charges;
  console.log(`  looked up in the shop, by the key ${charge!.key.slice(0, 14)}…: it was charged, as ${charge!.id}`);
  return {
    answer: 'happened',
    results: { [resource]: { id: charge!.id } },
    reason: `found in the shop as ${charge!.id}`,
  };
});
assert.equal(first.outcome, 'completed');
assert.equal(shop.charges.length, 1);
console.log(`  ✔ completed; the shop has ${shop.charges.length} charge for A-1\n`);

console.log('Order A-2: at the approval it is aborted, and what it did is undone.');
const before = await look('A-2');
const second = await order('A-2', async () => ({
  answer: 'abort',
  compensate: true,
  reason: 'the customer has changed her mind',
}));
assert.equal(second.outcome, 'aborted');
assert.ok('failure' in second && !second.failure.message.includes('Not undone'));
assert.deepEqual(await look('A-2'), before);
assert.deepEqual(
  shop.charges.map(({ order, refunded }) => [order, refunded]),
  [
    ['A-1', false],
    ['A-2', true],
  ],
);
console.log(
  '  ✔ aborted; folder and table are as before, links and modes included; the shop has refunded the charge of A-2',
);

worker.shutdown();
await working;
await shop.close();

type Answer = Parameters<HoldfastClient['decide']>[1];

/** Starts an order's job, answers what it asks, and returns how it ended. */
async function order(
  number: string,
  answer: (
    question: Awaited<ReturnType<HoldfastClient['questions']>>[number],
  ) => Promise<Omit<Answer, 'by' | 'digest'>>,
): Promise<Awaited<ReturnType<HoldfastClient['result']>>> {
  const workspace = await prepare(number);
  const { workflowId } = await client.start(plan, { input: { workspace, order: number, item: 'teapot' } });
  console.log(`  ${workflowId} in ${workspace}`);
  const answered = new Set<string>();
  for await (const { questions } of client.watch(workflowId)) {
    for (const question of questions.filter(({ digest }) => !answered.has(digest))) {
      answered.add(question.digest);
      for (const { resource, kind } of question.findings) console.log(`  ? ${resource}  ${kind}`);
      const given = await answer(question);
      console.log(`    ${given.answer}${given.compensate === true ? ', compensate' : ''}: ${given.reason}`);
      await client.decide(workflowId, { ...given, digest: question.digest, by: 'run.ts' });
    }
  }
  return await client.result(workflowId, { wait: true });
}

/** A new folder with the command's script and an empty table. */
async function prepare(number: string): Promise<string> {
  const workspace = workspaceOf(number);
  await mkdir(path.join(import.meta.dirname, workspace), { recursive: true });
  await cp(path.join(import.meta.dirname, 'templates'), path.join(import.meta.dirname, workspace), { recursive: true });
  using database = new DatabaseSync(path.join(import.meta.dirname, workspace, 'office.db'));
  database.exec(
    'CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, item TEXT NOT NULL, amount REAL NOT NULL)',
  );
  return workspace;
}

function workspaceOf(number: string): string {
  return `work/${started}/${number}`;
}

/** Everything that the order's folder holds, and the rows of its table. */
async function look(number: string): Promise<{ readonly files: readonly string[]; readonly rows: readonly unknown[] }> {
  const folder = path.join(import.meta.dirname, await prepare(number));
  const names = (await readdir(folder, { recursive: true }))
    .filter((name) => !/^(\.holdfast|office\.db)/.test(name))
    .sort();
  const files = await Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      const stat = await lstat(file);
      const content = stat.isSymbolicLink() ? await readlink(file) : stat.isFile() ? await readFile(file, 'utf8') : '';
      return `${name} ${stat.mode.toString(8)} ${content}`;
    }),
  );
  using database = new DatabaseSync(path.join(folder, 'office.db'), { readOnly: true });
  return { files, rows: database.prepare('SELECT * FROM orders').all() };
}
