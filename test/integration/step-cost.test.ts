/**
 * What one step and one sub-step cost, in counts that no machine changes: SQL statements, what the ledger's log grows
 * by, fsyncs. A change that makes them cost more fails here; one that makes them cost less lowers a bound.
 *
 * The statements are those of the ledger, the lock and the job's own database; there is no margin, as each run takes
 * the same. Pages vary by 0.2, since a token's place in an index is random: the margin of up to 0.9 is for that. Fsyncs
 * have one of two in ten steps, for when the log is folded into the ledger's file.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StatementSync } from 'node:sqlite';
import { afterEach, beforeEach, mock, test } from 'node:test';
import * as z from 'zod';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { COUNTED, runCounted, type CountedKind } from '../support/counted-steps.ts';

/** The log's frame: a header and a page. */
const FRAME_BYTES = 24 + 4096;

interface Bounds {
  readonly statements: number;
  readonly pages: number;
  readonly fsyncs: number;
}

/** `docs/performance.md` tells what each is for. */
const BOUNDS: Record<CountedKind, Bounds> = {
  step: { statements: 33, pages: 8, fsyncs: 1 },
  'step with effects': { statements: 63, pages: 20, fsyncs: 4 },
  'sub-step': { statements: 12, pages: 5, fsyncs: 1 },
  'sub-step with effects': { statements: 44, pages: 17, fsyncs: 4 },
};

let workspace: string;

beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'holdfast-cost-'));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

for (const [kind, { statements, pages, fsyncs }] of Object.entries(BOUNDS) as [CountedKind, Bounds][]) {
  test(`a ${kind} takes at most ${statements} statements and ${pages} pages of the ledger's log`, async () => {
    const counts: { statements: number; bytes: number }[] = [];
    let executed = 0;
    const spies = (['run', 'get', 'all'] as const).map((name) => {
      const original = StatementSync.prototype[name] as (...given: never[]) => unknown;
      return mock.method(StatementSync.prototype, name, function (this: StatementSync, ...given: never[]) {
        executed += 1;
        return original.apply(this, given);
      } as never);
    });
    const onCounted = (): void => {
      counts.push({ statements: executed, bytes: statSync(join(workspace, '.holdfast/ledger.sqlite-wal')).size });
    };
    try {
      await runCounted({ workspace, kind, onCounted });
    } finally {
      for (const spy of spies) spy.mock.restore();
    }
    const [before, after] = counts;
    const taken = (after!.statements - before!.statements) / COUNTED;
    const grown = (after!.bytes - before!.bytes) / COUNTED / FRAME_BYTES;
    assert.ok(taken <= statements, `${taken} statements`);
    assert.ok(grown <= pages, `${grown} pages`);
    // Far below the bound, it bounds nothing.
    assert.ok(
      taken >= statements - 3 && grown >= pages * 0.75,
      `${taken} statements, ${grown} pages: lower the bounds`,
    );
  });

  test(`a ${kind} waits for the disk at most ${fsyncs} times`, (t) => {
    const log = join(workspace, '..', `${workspace.split('/').at(-1)!}.strace`);
    const child = join(import.meta.dirname, '../support/counted-child.ts');
    const traced = ['-f', '-e', 'trace=fsync,fdatasync,statx,stat', '-o', log];
    const { status, error, stderr } = spawnSync('strace', [...traced, process.execPath, child, workspace, kind]);
    if (error !== undefined) return t.skip('strace is not installed');
    const text = readFileSync(log, 'utf8');
    rmSync(log);
    assert.equal(status, 0, String(stderr));
    const [, counted] = text.split(/^.*"\/holdfast-counted".*$/m);
    const calls = counted!.match(/ f(data)?sync\(/g)?.length ?? 0;
    // The log is folded into the ledger's file now and then, which waits twice.
    assert.ok(calls <= fsyncs * COUNTED + 4, `${calls / COUNTED} a ${kind}`);
    assert.ok(calls >= fsyncs * COUNTED, `${calls / COUNTED} a ${kind}: lower the bound`);
  });
}

test('what a step has read is looked at again before it is recorded, though it changes nothing', async () => {
  const look = defineStep({ name: 'look', input: z.strictObject({}), output: z.string() });
  const path = join(workspace, 'note.txt');
  writeFileSync(path, 'first');
  let runs = 0;
  const code = implementStep(look, async (ctx) => {
    runs += 1;
    const text = await ctx.files.readText('note.txt');
    if (runs === 1) writeFileSync(path, 'second');
    return text;
  });
  const job = openTestJob({ workspace, steps: [code] });
  try {
    assert.equal(await job.step(look, {}), 'second');
  } finally {
    await job.close();
  }
  assert.equal(runs, 2);
});
