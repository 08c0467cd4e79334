/** The crash test by the command line: it finds what a retry does twice. More by the function: `crash-test.test.ts`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { CrashReport } from '../../src/testing.ts';
import { brokenTest, notNamed } from '../support/broken-plan.ts';
import { cli } from '../support/cli-terminal.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-crash-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('an append past ctx is named with its line and the command that repeats it; exit code 4', async () => {
  const { plan, steps = [], points = [] } = brokenTest(['journal']);
  const file = path.join(folder, 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  const { address, namespace } = temporal;
  const words =
    `crash-test ${file} folder={folder} --json --seed 1 --address ${address} --namespace ${namespace} ` +
    `--steps ${steps[0]} --points ${points[0]}`;
  const ran = await cli(words.split(' '), { cwd: folder, env: process.env });
  assert.equal(ran.code, 4, ran.out + ran.err);
  const report = ran.json<CrashReport & { faults: readonly { readonly repeat: string }[] }>();
  assert.deepEqual(notNamed(report, ['journal']), []);
  assert.deepEqual(report.counts, { cases: 1, same: 0, asks: 0, differs: 1, stuck: 0 });
  const [{ repeat } = { repeat: '' }] = report.faults;
  assert.match(repeat, /^holdfast crash-test .*plan\.json .*--steps .* --points journal\/user-code\.after:1$/);
});
