/** `holdfast log` of a job with tens of thousands of records: told as it is read. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import type { FirstWrite } from '../support/first-write.ts';
import { makeLongLedger } from '../support/long-ledger.ts';

const program = join(import.meta.dirname, '../../src/cli.ts');
const watching = join(import.meta.dirname, '../support/first-write.ts');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-long-log-'));
const [short, long] = [join(folder, 'short'), join(folder, 'long')];
const STEPS = { short: 1_000, long: 20_000 };
/** Every thousandth step has as many. */
const SUB_STEPS = 200;

before(() => {
  for (const [workspace, steps] of [
    [short, STEPS.short],
    [long, STEPS.long],
  ] as const) {
    mkdirSync(workspace);
    makeLongLedger(workspace, { steps, subSteps: { every: 1_000, count: SUB_STEPS } });
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Told extends FirstWrite {
  readonly code: number;
  readonly out: string;
}

async function log(workspace: string, ...args: readonly string[]): Promise<Told> {
  const line = ['--import', watching, program, 'log', workspace, ...args];
  const env = { ...process.env, HOLDFAST_STATE_DIR: folder };
  return await new Promise((resolve) => {
    const child = execFile(process.execPath, line, { env, maxBuffer: 2 ** 28 }, (_error, out, err) =>
      resolve({ code: child.exitCode!, out, ...(JSON.parse(err.split('\n').at(-1)!) as FirstWrite) }),
    );
  });
}

test('all of a log begins within a second, each record is told, and memory does not grow with the chain', async () => {
  const little = await log(short, '--all', '--full');
  const all = await log(long, '--all', '--full');
  assert.deepEqual([little.code, all.code], [0, 0]);
  assert.equal(all.out.match(/ step s\d+ /g)?.length, STEPS.long);
  assert.equal(all.out.match(/ part\/\d+ /g)?.length, SUB_STEPS * (STEPS.long / 1_000));
  assert.ok(all.firstMs < 1_000, `the first line took ${all.firstMs} ms of the processor's time`);
  const [grownBytes, figures] = [all.mostBytes - little.mostBytes, JSON.stringify({ ...all, out: all.out.length })];
  assert.ok(grownBytes < 64 * 1024 * 1024, `${Math.round(grownBytes / 1024 / 1024)} MiB more: ${figures}`);
});

test('a record that was changed ends the log where it stands, with what to do', async () => {
  const database = new DatabaseSync(join(long, '.holdfast', 'ledger.sqlite'));
  database.exec("UPDATE record SET body = replace(body, 'xxx', 'yyy') WHERE step_id = 's15000'");
  database.close();
  const { code, out } = await log(long, '--all');
  assert.equal(code, 1);
  assert.match(out, / step s14999 /);
  assert.doesNotMatch(out, / step s15000 /);
  assert.match(out, /\n\nThe record is damaged: record \d+ does not match its chain head.*See: holdfast doctor \S+\n$/);
});
