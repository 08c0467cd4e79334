/** Which cases a crash test takes: pairs that a seed chooses, frozen workers, every hit; by the command. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { crashTest, type CrashReport } from '../../src/testing.ts';
import { brokenTest } from '../support/broken-plan.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { testTemporal } from '../support/temporal.ts';

const { address, namespace } = await testTemporal();
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-crash-chosen-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const { plan, steps = [] } = brokenTest(['journal']);
const FILE = path.join(folder, 'plan.json');
writeFileSync(FILE, JSON.stringify(plan));

async function command(...words: readonly string[]): Promise<Ran> {
  const server = ['--address', address, '--namespace', namespace, '--json'];
  return await cli(['crash-test', FILE, 'folder={folder}', ...server, '--steps', steps[0]!, ...words], {
    cwd: folder,
    env: process.env,
  });
}

function outcomes(ran: Ran): readonly string[] {
  const { cases } = ran.json<CrashReport>();
  return cases.map(({ id, outcome, missed }) => `${id} ${outcome}${missed === true ? ' missed' : ''}`);
}

test('a frozen worker and seeded pairs come besides what is named; each command repeats its case alone', async () => {
  const chosen = ['--points', 'journal/user-code.after:1', '--freeze', '--pairs', '3', '--seed', '5'];
  const ran = await command(...chosen);
  assert.equal(ran.code, 4, ran.out + ran.err);
  const found = outcomes(ran);
  assert.deepEqual(found.slice(0, 2), [
    'journal/user-code.after:1 differs',
    'freeze@journal/user-code.after:1 differs',
  ]);
  assert.equal(found.length, 5);
  for (const pair of found.slice(2)) assert.match(pair, /^journal\/user-code\.after:1\+(journal|sound)\/\S+ differs/);
  const { cases } = ran.json<{ readonly cases: readonly { readonly repeat: string }[] }>();
  for (const at of [1, 2]) {
    const [, id] = /--points (\S+)$/.exec(cases[at]!.repeat) ?? [];
    assert.deepEqual(outcomes(await command('--points', id!)), [found[at]]);
  }
});

test('every hit is a case of its own', async () => {
  const stop = new AbortController();
  let total = 0;
  const { points: _all, ...whole } = brokenTest(['journal']);
  const report = await crashTest({
    ...whole,
    everyHit: true,
    address,
    namespace,
    signal: stop.signal,
    onProgress: (progress) => {
      total = progress.total;
      stop.abort();
    },
  });
  assert.equal(report.counts.cases, 1);
  assert.equal(total, report.undisturbed.points);
});
