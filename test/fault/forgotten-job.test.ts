/** A job that has ended and that the server has forgotten: what its record alone still does, and what is refused. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { snapshotFiles } from '../support/snapshot.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const { taskQueue, root, client, startPlan } = servedJobs(temporal, 'forgotten');
const FORGOTTEN_WITHIN_MS = 180_000;
const STEPS = [
  { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a\n' } },
  { id: 'b', use: 'file.copy', with: { from: '${{ steps.a.output.path }}', to: 'b.txt' } },
];

async function holdfast(...args: readonly string[]): Promise<Ran> {
  return await cli(args, { cwd: root, env: { ...process.env, ...temporal.env, NO_COLOR: '1' } });
}

/** Its history is deleted, as when the namespace's retention has passed. */
async function forgotten(workspace: string, more: object = {}): Promise<string> {
  const plan = { schemaVersion: 1, name: 'report', workspace, steps: STEPS, ...more };
  const handle = await startPlan(plan);
  await handle.result();
  const { workflowId } = handle;
  const { namespace } = temporal;
  await temporal.connection.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } });
  const isGone = async (): Promise<boolean> => !(await client.describe(workflowId).then(Boolean, () => false));
  // The server deletes in its own time.
  await untilTrue(isGone, { what: 'the server has forgotten it', limitMs: FORGOTTEN_WITHIN_MS, everyMs: 500 });
  return workflowId;
}

let job: string;
let stored: string;
before(async () => {
  [job, stored] = await Promise.all([
    forgotten('plain'),
    forgotten('stored-ws', { checkpoint: { store: '${{ env.CHECKPOINTS }}' } }),
  ]);
});

test('what only reads the record works by its folder, and says what it always said', async () => {
  for (const [command, said] of [
    [['log', 'plain'], /released: completed/],
    [['state', 'plain'], /the end of super-step 1/],
    [['state', 'plain', '--at', '3'], /the input/],
    [['checkpoints', 'plain'], /the end of super-step 0/],
    [['diff', 'plain'], /2 files/],
    [['verify', 'plain'], /Nothing differs/],
    [['rewind', 'plain', '--to', '3', '--dry-run'], /Undone, newest first/],
  ] as const) {
    const { code, out, err } = await holdfast(...command);
    assert.equal(code, 0, err);
    assert.match(out, said);
  }
});

test('by its name nothing is found, and the way by its folder is named', async () => {
  for (const command of [['log'], ['state'], ['status'], ['rewind', '--to', '3', '--reason', 'x']]) {
    const [name, ...more] = command;
    const { code, err } = await holdfast(name!, job, ...more);
    assert.equal(code, 2, err);
    assert.match(err, /There is no job .* forgotten is read by its folder: holdfast log WORKSPACE/s);
  }
});

test('a rewind and a fork are refused: what is missing is named, and nothing is changed', async () => {
  const earlier = snapshotFiles(join(root, 'plain'));
  const rewound = await holdfast('rewind', 'plain', '--to', '3', '--reason', 'x');
  const forked = await holdfast('fork', 'plain', '--at', '3', '--workspace', 'forked');
  for (const { code, err } of [rewound, forked]) {
    assert.equal(code, 2, err);
    assert.match(
      err,
      new RegExp(`has no history of job ${job}, whose record is in .*plain\\. .*Nothing was changed\\.`),
    );
    assert.match(err, /the record has only digests of what its steps were given/);
    assert.match(err, /Next: Connect to the server that has its history\. .* holdfast log /);
  }
  assert.ok(!existsSync(join(root, 'forked')), 'no folder is made');
  assert.deepEqual(snapshotFiles(join(root, 'plain')), earlier);
});

test('with a store: a fork is made from the record, and a rewind once the job is started from its store', async () => {
  const forked = await holdfast('fork', 'stored-ws', '--at', '3', '--workspace', 'forked-2', '-q', taskQueue, '--json');
  assert.equal(forked.code, 0, forked.err);
  const fork = forked.json<{ workflowId: string }>().workflowId;
  assert.equal((await holdfast('result', fork, '--wait')).code, 0);
  const refused = await holdfast('rewind', 'stored-ws', '--to', '3', '--reason', 'x');
  assert.equal(refused.code, 2);
  assert.ok(refused.err.includes(`holdfast resume --from STORE/${stored}`), refused.err);
  const resumed = await holdfast('resume', '--from', `./stored/${stored}`, '--reason', 'x', '-q', taskQueue, '--wait');
  assert.equal(resumed.code, 0, resumed.out + resumed.err);
  const rewound = await holdfast('rewind', 'stored-ws', '--to', '3', '--reason', 'x');
  assert.equal(rewound.code, 0, rewound.err);
  assert.match(rewound.out, /goes on from checkpoint 3\. Run again: a, b/);
  assert.equal((await holdfast('result', stored, '--wait')).code, 0);
});
