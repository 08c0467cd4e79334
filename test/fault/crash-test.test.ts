/** The crash test finds each planted fault, and names the effect, how often it was made, and the line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashTest } from '../../src/testing.ts';
import { BROKEN, brokenTest, notNamed } from '../support/broken-plan.ts';

test('each broken step is found and named, and the sound one is not', async (t) => {
  const ids = Object.keys(BROKEN);
  const report = await crashTest(brokenTest(ids));
  t.diagnostic(`${report.counts.cases} cases in ${report.durationMs} ms`);
  assert.deepEqual(notNamed(report, ids), []);
  assert.deepEqual(
    report.cases.filter(({ step }) => step === 'sound').map(({ outcome, differences }) => [outcome, differences]),
    [['same', []]],
  );
  assert.deepEqual(
    report.faults.filter(({ difference }) => difference.step === 'sound'),
    [],
  );
});
