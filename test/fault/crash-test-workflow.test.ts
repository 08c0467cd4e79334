/** The crash test of a Workflow of the user's own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { crashTest, type CrashReport, type CrashTestOptions } from '../../src/testing.ts';
import { cli } from '../support/cli-terminal.ts';
import { testTemporal } from '../support/temporal.ts';

const { address, namespace } = await testTemporal();
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-crash-workflow-'));
after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(path.join(folder, 'a.md'), 'one two three\n');
writeFileSync(path.join(folder, 'b.md'), 'four\n');

const FIXTURES = path.join(import.meta.dirname, '../fixtures/crash-test');
const WORKFLOWS = path.join(FIXTURES, 'own-workflow.ts');
const STEPS = path.join(FIXTURES, 'own-steps.ts');
const POINTS = ['claim.after', 'user-code.after', 'seal.after', 'record.before', 'outside.after'];

function counting(log?: string): CrashTestOptions {
  return {
    workflow: 'countAndTell',
    workflowsPath: WORKFLOWS,
    steps: [STEPS],
    world: folder,
    input: { folder: '{folder}', paths: ['a.md', 'b.md'], ...(log === undefined ? {} : { log }) },
    points: log === undefined ? POINTS.slice(0, -1) : POINTS,
    seed: 1,
    address,
    namespace,
  };
}

test('a sound Workflow comes to the same at each point of each of its steps', async () => {
  const report = await crashTest(counting());
  assert.equal(report.name, 'countAndTell');
  assert.equal(report.undisturbed.steps, 3);
  assert.deepEqual(new Set(report.cases.map(({ step }) => step)), new Set(['a.md', 'b.md', 'tell']));
  assert.equal(report.counts.same, report.counts.cases, JSON.stringify(report.faults, null, 1));
  assert.ok(report.counts.cases >= 12 && !report.cases.some(({ missed }) => missed === true), JSON.stringify(report));
});

test('by the command: a step that appends past ctx is named with its line and how to repeat it', async () => {
  const { input, points } = counting('{folder}/told.log');
  const words = ['crash-test', 'countAndTell', '--workflows', WORKFLOWS, '--steps', STEPS, '--world', folder];
  const given = ['--input', JSON.stringify(input), '--json', '--address', address, '--namespace', namespace];
  const named = (points ?? []).flatMap((point) => ['--points', `tell/${point}`]);
  const ran = await cli([...words, ...given, ...named], { cwd: folder, env: process.env });
  assert.equal(ran.code, 4, ran.out + ran.err);
  const report = ran.json<CrashReport & { faults: readonly { readonly repeat: string }[] }>();
  const [{ difference, repeat } = assert.fail('nothing was found')] = report.faults;
  assert.equal(difference.what, 'appendFile {folder}/told.log');
  assert.deepEqual(difference.times, { expected: 1, found: 2 });
  assert.match(difference.at ?? '', /own-steps\.ts:13$/);
  assert.match(repeat, /^holdfast crash-test countAndTell .*--workflows .*own-workflow\.ts .*--points tell\/\S+:1$/);
});

test('its worker freezes in mid step and wakes when another has taken over: what appends twice is found', async () => {
  const frozen = ['user-code.after'];
  const sound = await crashTest({ ...counting(), points: frozen, freeze: true });
  assert.deepEqual(
    sound.cases.map(({ id, outcome }) => `${id} ${outcome}`).filter((line) => line.startsWith('freeze@')),
    ['a.md', 'b.md', 'tell'].map((step) => `freeze@${step}/user-code.after:1 same`),
  );
  const broken = await crashTest({ ...counting('{folder}/told.log'), points: ['freeze@tell/user-code.after:1'] });
  assert.deepEqual(
    broken.cases.map(({ id, outcome }) => `${id} ${outcome}`),
    ['freeze@tell/user-code.after:1 differs'],
  );
  assert.deepEqual(broken.faults[0]?.difference.times, { expected: 1, found: 2 });
});

test('a name that is none of a Workflow, and one whose module is not named, are told at once', async () => {
  const words = ['crash-test', 'countAndTel', '--steps', STEPS, '--address', address, '--namespace', namespace];
  const unnamed = await cli(words, { cwd: folder, env: process.env });
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.err, /no plan countAndTel, .* no module of Workflows is named[^]*--workflows FILE/);
  const startedMs = performance.now();
  const misspelled = await cli([...words, '--workflows', WORKFLOWS], { cwd: folder, env: process.env });
  assert.equal(misspelled.code, 2, misspelled.out + misspelled.err);
  assert.match(misspelled.err, /'countAndTel'/);
  assert.match(misspelled.err, /function that the module of --workflows exports/);
  assert.ok(performance.now() - startedMs < 60_000);
});
