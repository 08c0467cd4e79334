/** The demo as a newcomer runs it; its claims are checked once more, from what it left in its folder. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import * as z from 'zod';
import { exportJobToGit } from '../../src/changes.ts';
import { checkout, testDemo } from '../support/demo-run.ts';
import { gitEnvironment } from '../support/git-environment.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const { folder, demo } = testDemo(temporal);

const ToldSchema = z.looseObject({
  ok: z.boolean(),
  workflowId: z.string(),
  workspace: z.string(),
  csv: z.object({ name: z.string(), sha256: z.string() }),
  proofs: z.array(z.object({ claim: z.string(), holds: z.boolean(), found: z.string() })),
});

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Each commit has what the job's folder had when its step or decision was recorded, as the worker copied it then. */
async function exportIsTheWorldAfterEachStep(workspace: string, witness: string): Promise<void> {
  const repository = path.join(folder, 'export');
  const { leftOut } = await exportJobToGit(workspace, repository);
  assert.deepEqual(leftOut, []);
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: repository, env: gitEnvironment, encoding: 'utf8' });
  // The first has the files as the job found them.
  const [, ...commits] = git('log', '--reverse', '--format=%H %an', 'main')
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  const authors = ['ada@example.com', 'chart', 'copy', 'load', 'rain', 'report', 'wind'];
  assert.deepEqual(new Set(commits.map(([, author]) => author)), new Set(authors));
  assert.equal(commits.length, authors.length);
  assert.equal(readdirSync(witness).length, commits.length);
  const compared = new Set<string>();
  for (const [index, [commit]] of commits.entries()) {
    git('checkout', '--quiet', commit!);
    const files = readdirSync(repository).filter((name) => name !== '.git');
    for (const name of files) {
      const [exported, seen] = [path.join(repository, name), path.join(witness, String(index), name)];
      assert.deepEqual(readFileSync(exported), readFileSync(seen), `${name} of commit ${index}`);
      compared.add(name);
    }
    // What is not there yet, or not any more, is not in the commit either.
    const gone = [...compared].filter((name) => !files.includes(name));
    for (const name of gone) assert.equal(existsSync(path.join(witness, String(index), name)), false, name);
  }
  assert.ok(['weather.csv', 'rain.md', 'chart.svg', 'report.md'].every((name) => compared.has(name)));
}

test('the demo ends well, and what it left bears out what it claims', { timeout: 60_000 }, async () => {
  const root = path.join(folder, 'left');
  const witness = path.join(folder, 'witness');
  mkdirSync(witness);
  const { code, out, err } = await demo(['--json', '--folder', root], { env: { HOLDFAST_DEMO_WITNESS: witness } });
  assert.equal(code, 0, err);
  const told = ToldSchema.parse(JSON.parse(out));
  assert.ok(told.ok);
  assert.deepEqual(
    told.proofs.filter(({ holds }) => !holds),
    [],
  );
  assert.match(err, /SIGKILL/);

  const office = new DatabaseSync(path.join(root, 'office.db'), { readOnly: true });
  const rowsOf = (sql: string): unknown[] =>
    office
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  assert.deepEqual(
    rowsOf(
      'SELECT source, action, count(*) AS writes, count(DISTINCT row_key) AS rows FROM audit GROUP BY ' +
        'source, action ORDER BY source',
    ),
    [
      { source: 'figure', action: 'insert', writes: 1, rows: 1 },
      { source: 'weather', action: 'insert', writes: 1461, rows: 1461 },
    ],
  );
  const inFolder = (name: string): string => path.join(told.workspace, name);
  assert.deepEqual(rowsOf('SELECT id, sha256 FROM figure'), [{ id: 'chart', sha256: sha256(inFolder('chart.svg')) }]);
  office.close();

  assert.equal(
    sha256(inFolder('weather.csv')),
    sha256(path.join(checkout, 'node_modules/vega-datasets/data/seattle-weather.csv')),
  );
  assert.match(readFileSync(inFolder('rain.md'), 'utf8'), /\(Ada\)/);
  assert.match(readFileSync(inFolder('report.md'), 'utf8'), /\(Ada\)/);

  await exportIsTheWorldAfterEachStep(told.workspace, witness);

  // Temporal's own record: the job has ended, by one Signal.
  const handle = temporal.client.workflow.getHandle(told.workflowId);
  const { status } = await handle.describe();
  assert.equal(status.name, 'COMPLETED');
  const { events } = await handle.fetchHistory();
  const signals = (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes != null);
  assert.deepEqual(
    signals.map((event) => event.workflowExecutionSignaledEventAttributes?.signalName),
    ['decide'],
  );
});

test('an interrupted demo ends with 130 and leaves nothing behind', { timeout: 60_000 }, async () => {
  const { code, out } = await demo([], { interruptWhen: '1  A job starts' });
  assert.equal(code, 130, out);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('holdfast-demo-')),
    [],
  );
});

test('a wrong option is refused with the help', async () => {
  const { code, err } = await demo(['--quickly']);
  assert.equal(code, 2);
  assert.match(err, /--quickly[\s\S]*--interactive/);
});
