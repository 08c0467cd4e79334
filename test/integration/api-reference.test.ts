/** `npm run docs`, on a small package of its own: what lacks a docstring is listed, and no page is made. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { typeDoc } from '../../scripts/api-reference.ts';

const root = path.join(import.meta.dirname, '../..');
const packages = await typeDoc();

const DOCUMENTED = `
import * as z from 'zod';

/** What is ordered. */
const OrderSchema = z.strictObject({
  /** Whose it is. */
  customer: z.string(),
  amount: z.int().describe('In cents.'),
});
/** An order. */
export type Order = z.infer<typeof OrderSchema>;

/** How to send it. */
export interface SendOptions {
  /** In milliseconds. */
  readonly timeoutMs?: number;
}

/** Sends an order. */
export function send(order: Order, options: SendOptions): number {
  return order.amount + (options.timeoutMs ?? 0);
}
`;

let folder: string;

before(async () => {
  folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-docs-')));
  await fs.mkdir(path.join(folder, 'src'));
  const exports = {
    '.': { 'holdfast-source': './src/index.ts' },
    './more': { 'holdfast-source': './src/more.ts' },
    './package.json': './package.json',
  };
  await fs.writeFile(path.join(folder, 'src/more.ts'), "export { send } from './index.ts';\n");
  await fs.writeFile(path.join(folder, 'package.json'), JSON.stringify({ name: 'shop', type: 'module', exports }));
  const compilerOptions = { module: 'nodenext', target: 'es2024', strict: true, types: [], noEmit: true };
  await fs.writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  await fs.symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
});

after(async () => fs.rm(folder, { recursive: true, force: true }));

async function generate(source: string): Promise<{ readonly status: number | null; readonly errors: string }> {
  await fs.writeFile(path.join(folder, 'src/index.ts'), source);
  const program = path.join(root, 'scripts/api-reference/generate.mjs');
  const ran = spawnSync(process.execPath, [program, packages!, 'pages'], { cwd: folder, encoding: 'utf8' });
  return { status: ran.status, errors: ran.stderr + ran.stdout };
}

test('exports and fields without a docstring are listed as file:line name, and no page is made', async () => {
  const bare = DOCUMENTED.replaceAll(/^ *\/\*\*.*\n/gm, '').replace(".describe('In cents.')", '');
  const { status, errors } = await generate(bare);
  assert.equal(status, 1, errors);
  const listed = errors.split('\n').filter((line) => line.startsWith('src/'));
  assert.deepEqual(listed, [
    'src/index.ts:5 shop.Order.customer',
    'src/index.ts:6 shop.Order.amount',
    'src/index.ts:8 shop.Order',
    'src/index.ts:10 shop.SendOptions',
    'src/index.ts:11 shop.SendOptions.timeoutMs',
    'src/index.ts:14 shop.send',
  ]);
  await assert.rejects(fs.access(path.join(folder, 'pages')));
});

test('a type that an export names and the package does not export is an error', async () => {
  const { status, errors } = await generate(DOCUMENTED.replace('export interface', 'interface'));
  assert.equal(status, 1, errors);
  assert.match(errors, /SendOptions, defined in .*src\/index\.ts, is referenced by .*send/);
});

test('with a docstring each there are pages, which tell the fields of what a schema infers', async () => {
  const { status, errors } = await generate(DOCUMENTED);
  assert.equal(status, 0, errors);
  const page = await fs.readFile(path.join(folder, 'pages/shop.md'), 'utf8');
  assert.match(page, /`customer` \| `string` \| Whose it is\./);
  assert.match(page, /`amount` \| `number` \| In cents\./);
  assert.ok(!page.includes(folder));
  assert.match(await fs.readFile(path.join(folder, 'pages/README.md'), 'utf8'), /\[shop\/more\]\(shop\/more\.md\)/);
});
