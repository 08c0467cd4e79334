/** The question about a checkpoint that can't be read, answered by hand on the command line: each of its answers. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { cli, type Ran, type TerminalOptions } from '../support/cli-terminal.ts';
import { untilAsked } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const { taskQueue, root, client, startPlan } = servedJobs(temporal, 'checkpoint-asked');

async function holdfast(args: readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  return await cli(args, { cwd: root, env: { ...process.env, ...temporal.env, NO_COLOR: '1' }, ...options });
}

const STEPS = [
  { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a\n' } },
  { id: 'b', use: 'file.copy', with: { from: '${{ steps.a.output.path }}', to: 'b.txt' } },
  { id: 'c', use: 'file.copy', needs: ['b'], approval: 'before-apply', with: { from: 'b.txt', to: 'c.txt' } },
];

interface AskingJob {
  readonly job: string;
  readonly workspace: string;
  /** The file of its newest checkpoint, which is damaged, and a sound copy of it. */
  readonly file: string;
  readonly copy: string;
  /** The numbers of its checkpoints. */
  readonly seqs: readonly number[];
}

/** Its cluster is gone, its newest checkpoint damaged: resumed in a new folder it asks. */
async function asking(workspace: string): Promise<AskingJob> {
  const plan = { schemaVersion: 1, name: 'report', workspace: `${workspace}-old`, steps: STEPS };
  const handle = await startPlan({ ...plan, checkpoint: { store: '${{ env.CHECKPOINTS }}' } });
  await untilAsked(handle);
  await handle.terminate('the cluster is gone');
  const job = handle.workflowId;
  const store = openStore(join(root, 'stored'));
  const jobId = (await store.series()).find((one) => one.startsWith(`${job}@`))!;
  const seqs = await store.generations(jobId);
  const file = store.where(jobId, seqs.at(-1)!);
  await store.close();
  const copy = join(root, `${workspace}.copy`);
  copyFileSync(file, copy);
  writeFileSync(file, 'not a checkpoint');
  const from = ['--from', `./stored/${job}`, '--workspace', workspace, '--task-queue', taskQueue];
  const ran = await holdfast(['resume', ...from, '--reason', 'the cluster is gone', '--wait']);
  assert.equal(ran.code, 3, ran.out + ran.err);
  assert.match(ran.out, /: the checkpoint that the job is to go on from cannot be read\n/);
  assert.ok(ran.out.includes(`look:    holdfast question ${job}\n  decide:  holdfast decide ${job}`), ran.out);
  return { job, workspace: join(root, workspace), file, copy, seqs };
}

/** What is asked next, once it is: the first line of the question. */
async function nowAsked(job: string, kind: string): Promise<string> {
  await until(
    () => client.questions(job),
    (open) => open[0]?.kind === kind,
  );
  return (await holdfast(['question', job])).out;
}

async function ends(job: string): Promise<void> {
  await nowAsked(job, 'approval');
  assert.equal((await holdfast(['decide', job, 'approve', '--reason', 'as it should be'])).code, 0);
  const ran = await holdfast(['result', job, '--wait']);
  assert.equal(ran.code, 0, ran.out);
}

test('what is shown says where the damage is, what would be lost, and what each answer does', async () => {
  const { job, file, seqs } = await asking('shown');
  const [before, newest] = seqs.slice(-2);
  const { out, code } = await holdfast(['question', job]);
  assert.equal(code, 3);
  for (const said of [
    `(${file}) is damaged`,
    `the newest before it that is whole is ${before}`,
    `lost with older: records ${before! + 1} to ${newest}, which tell of b`,
    `older: the job goes on from checkpoint ${before} of 2`,
    'in this new workspace. What the earlier one did stays as it is.',
    'recheck: once a sound copy is in its place.',
  ])
    assert.ok(out.replaceAll(/\s+/g, ' ').includes(said), `${out}\nlacks: ${said}`);
  assert.equal((await holdfast(['question', job, '--full'])).out, out, 'what travelled is all there is');
  const effects = new Map<string, string>();
  for (const answer of ['older', 'anew', 'recheck', 'abort']) {
    const dry = await holdfast(['decide', job, answer, '--dry-run']);
    assert.equal(dry.code, 0, dry.err);
    effects.set(answer, dry.out.trimEnd().split('\n').at(-1)!.replaceAll(/ {2,}/g, ' '));
  }
  const of = `checkpoint:${newest}`;
  assert.deepEqual(Object.fromEntries(effects), {
    older: `${of} older - - decision compares again`,
    anew: `${of} anew - - - begins from nothing`,
    recheck: `${of} recheck - - - compares again`,
    abort: `${of} abort - - - fails`,
  });
  const other = await holdfast(['decide', job, 'restore', '--reason', 'x']);
  assert.equal(other.code, 2);
  assert.match(other.err, /restore is not offered for checkpoint:\d+ .*offered: older, anew, recheck, abort/);
  const undo = await holdfast(['decide', job, 'abort', '--compensate', '--reason', 'x']);
  assert.equal(undo.code, 2);
  assert.match(undo.err, /without the record that the checkpoint has nothing can be undone; abort without compensate/);
  for (const [looks, ...more] of [['log'], ['verify'], ['export', '--git', 'exported']]) {
    const { code: refused, err } = await holdfast([looks!, job, ...more]);
    assert.equal(refused, 2, err);
    const said = err.replaceAll(/\s+/g, ' ');
    assert.match(said, new RegExp(`${job} has no record to go on with yet. It asks first .* about ${of}: expected`));
    assert.match(said, /Its record is in shown once that is answered/);
    assert.match(said, new RegExp(`holdfast question ${job}`));
    assert.doesNotMatch(said, /on the worker's host/);
  }
  assert.ok(!existsSync(join(root, 'shown')), 'nothing is begun before it is decided');
});

test('older: it goes on from the checkpoint that was named, and the log says by whose decision', async () => {
  const { job, workspace, file, seqs } = await asking('older');
  const decided = await holdfast(['decide', job, 'older', '--reason', 'there is no copy', '--by', 'bob@example.com']);
  assert.equal(decided.code, 0, decided.err);
  assert.match(
    decided.out,
    /^Decided for question [0-9a-f]{12}: older\.\n {2}the job goes on from the older checkpoint/,
  );
  await ends(job);
  const { out } = await holdfast(['log', workspace]);
  assert.match(out, new RegExp(`goes on from checkpoint ${seqs.at(-2)} of `));
  assert.match(out, /by the decision of bob@example\.com for an older checkpoint: there is no copy/);
  assert.match(out, new RegExp(`moved aside in the store, not deleted: checkpoint ${seqs.at(-1)}\n`));
  assert.ok(!existsSync(file));
  assert.equal(readdirSync(join(file, '../damaged')).length, 2, 'the file, and a note on why it lies there');
});

test('anew, by a person at a terminal: another job begins, and the damaged file stays where it is', async () => {
  const { job, workspace, file } = await asking('anew');
  const answers = ['anew', 'nothing of it is wanted', 'y'];
  const decided = await holdfast(['decide', job], { answers });
  assert.equal(decided.code, 0, decided.out + decided.err);
  assert.ok(!decided.out.includes('Undo what the job did'), decided.out);
  await ends(job);
  const { jobId } = await client.status(job);
  const inputs = chainOf(workspace, jobId).filter(
    (record) => record.kind === 'checkpoint' && record.source === 'input',
  );
  assert.equal(inputs.length, 1, 'what the Run before noted is not of the new job');
  assert.ok(existsSync(file));
});

test('recheck: asked again while nothing is mended, goes on once a sound copy is in its place', async () => {
  const { job, file, copy } = await asking('recheck');
  const first = (await client.openQuestion(job)).digest;
  assert.equal((await holdfast(['decide', job, 'recheck', '--reason', 'is it back?'])).code, 0);
  await until(
    () => client.questions(job),
    (open) => open[0]?.kind === 'checkpoint' && open[0].digest !== first,
  );
  copyFileSync(copy, file);
  assert.equal((await holdfast(['decide', job, 'recheck', '--reason', 'copied it back'])).code, 0);
  await ends(job);
});

test('abort, by a person at a terminal: it ends, nothing is asked about undoing, all stays as it is', async () => {
  const { job, workspace, file } = await asking('abort');
  const decided = await holdfast(['decide', job], { answers: ['abort', 'not wanted', 'y'] });
  assert.equal(decided.code, 0, decided.out + decided.err);
  assert.ok(decided.out.includes("What the job did stays as it is: without the job's record nothing"), decided.out);
  const ended = await holdfast(['result', job, '--wait']);
  assert.equal(ended.code, 1);
  assert.match(ended.out, /was aborted: .*not wanted/);
  assert.ok(existsSync(file));
  assert.ok(!existsSync(workspace));
  assert.deepEqual(
    readdirSync(join(root, 'abort-old')).filter((name) => name.endsWith('.txt')),
    ['a.txt', 'b.txt'],
  );
});
