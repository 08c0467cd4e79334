/** Cleaning up: records of jobs that have ended, contents that none names, old checkpoints. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFork } from '../../src/fork/make-fork.ts';
import { digestOf } from '../../src/model/digest.ts';
import { isFailure } from '../../src/model/failure.ts';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { openArchive, verifyArchive } from '../../src/protocol/retention/archive-file.ts';
import { collectBelow, type GcOptions, type GcReport } from '../../src/protocol/retention/gc.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { verifyStore } from '../../src/store/sealed/verify.ts';
import { tarMembers } from '../../src/store/tar.ts';
import { cli } from '../support/cli-terminal.ts';
import { openTestJob } from '../../src/testing.ts';
import { endedJob, LARGE, NOTE_STEPS, openNotingJob, runNotes } from '../support/ended-job.ts';
import { memoryOfFork } from '../support/forked-job.ts';
import { chainOf, readLedger } from '../support/ledger.ts';
import { snapshotFiles } from '../support/snapshot.ts';

const base = mkdtempSync(join(tmpdir(), 'holdfast-gc-'));
after(() => rmSync(base, { recursive: true, force: true }));
const DAY_MS = 24 * 60 * 60 * 1_000;
const ARCHIVED = { days: 30, archive: 'archives' };

async function gc(root: string, options: Partial<GcOptions> = {}): Promise<GcReport> {
  return await collectBelow(root, { env: {}, dryRun: false, nowMs: Date.now() + 31 * DAY_MS, ...options });
}

const env = (root: string): Record<string, string> => ({ CHECKPOINTS: join(root, 'checkpoints') });
const jobsOf = (workspace: string): readonly string[] => readLedger(workspace, (ledger) => ledger.jobIds());
const blobsIn = (workspace: string): number =>
  readdirSync(join(workspace, '.holdfast/blobs'), { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  ).length;

test('a record whose time is over is archived, read back and removed; every command reads the archive', async () => {
  const root = join(base, 'over');
  const jobId = await endedJob({ root, name: 'report', retention: ARCHIVED });
  const workspace = join(root, 'report');
  const chain = chainOf(workspace, jobId);
  const run = async (...args: readonly string[]) => await cli(args, { cwd: root });
  const before = await Promise.all([
    run('log', workspace, '--all', '--json'),
    run('checkpoints', workspace, '--json'),
    run('state', workspace, '--json'),
    run('diff', workspace, '--json'),
  ]);
  const early = await gc(root, { nowMs: Date.now() });
  assert.deepEqual([early.retired, early.kept], [[], 1], 'its time is not over');
  const files = snapshotFiles(workspace, []);
  const dry = await gc(root, { dryRun: true });
  assert.deepEqual(snapshotFiles(workspace, []), files, 'a dry run changes nothing');
  assert.equal(dry.retired[0]!.records, chain.length);
  assert.equal(existsSync(join(root, 'archives')), false);
  const { retired, problems, contents } = await gc(root);
  assert.deepEqual(problems, []);
  const [{ archive, workflowId, outcome }] = retired as [GcReport['retired'][number]];
  assert.equal(archive, dry.retired[0]!.archive);
  assert.equal(outcome, 'completed');
  assert.deepEqual(jobsOf(workspace), []);
  assert.ok(contents >= 2 && blobsIn(workspace) === 0, `${contents} contents`);
  assert.equal(readFileSync(join(workspace, '0.txt'), 'utf8'), `report 0 ${LARGE}`, 'files stay');
  const listed = execFileSync('tar', ['-tf', archive!], { encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual([listed[0], listed[1], listed.length], ['index.json', 'job.sealed', 4]);
  const after = await Promise.all([
    run('log', archive!, '--all', '--json'),
    run('checkpoints', archive!, '--json'),
    run('state', archive!, '--json'),
    run('diff', archive!, '--json'),
  ]);
  for (const [index, one] of after.entries()) {
    assert.equal(one.code, 0, one.err);
    assert.deepEqual(withoutPlace(one.json()), withoutPlace(before[index]!.json()));
  }
  const exported = await run('export', archive!, '--git', join(root, 'exported'));
  assert.equal(exported.code, 0, exported.err);
  assert.equal(readFileSync(join(root, 'exported/0.txt'), 'utf8'), `report 0 ${LARGE}`);
  assert.match((await run('log', archive!)).out, new RegExp(workflowId));
});

/** Where it was read, and what fenced its attempts. */
function withoutPlace(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, held: unknown) => (['workspace', 'term'].includes(name) ? null : held)),
  );
}

test('the latest jobs of a plan stay, one that runs is left alone, and so is what has no retention', async () => {
  const root = join(base, 'latest');
  const plan = { plan: 'weather', retention: { jobs: 2 } };
  for (const name of ['one', 'two', 'three']) await endedJob({ root, name, ...plan });
  await endedJob({ root, name: 'kept' });
  const running = openNotingJob({ root, name: 'running', ...plan });
  await runNotes(running, { name: 'running' });
  const { retired, kept, passedOver } = await gc(root);
  assert.deepEqual(
    retired.map(({ workspace, archive }) => [workspace, archive]),
    [[join(root, 'one'), undefined]],
  );
  assert.equal(kept, 3);
  assert.deepEqual(
    passedOver.map(({ workspace }) => workspace),
    [join(root, 'running')],
  );
  await running.release();
  await running.close();
  assert.deepEqual((await cli(['gc', join(root, 'none')], {})).code, 2);
});

test('the archive of a fork is read like any other: what the other job did is in it', async () => {
  const root = mkdtempSync(join(base, 'fork-'));
  const other = openNotingJob({ root, name: 'other' });
  await runNotes(other, { name: 'other' });
  const at = chainOf(other.workspace, other.jobId).filter(({ kind }) => kind === 'checkpoint')[1]!.seq;
  await other.release();
  await other.close();
  const workspace = join(root, 'forked');
  const made = await makeFork(other.workspace, { at, workspace, by: 'test' }, {});
  const fork = openTestJob({
    workspace,
    steps: NOTE_STEPS,
    plan: { name: 'other', digest: digestOf('other') },
    retention: ARCHIVED,
    resume: memoryOfFork(made),
  });
  await runNotes(fork, { name: 'forked', steps: 1 });
  const { jobId } = fork;
  await fork.release();
  await fork.close();
  const { retired, problems } = await gc(root);
  assert.deepEqual([retired.map((one) => one.jobId), problems], [[jobId], []]);
  const { out, err, code } = await cli(['log', retired[0]!.archive!, '--all'], {});
  assert.equal(code, 0, err);
  assert.match(out, /step s0/);
  assert.match(out, /forked from .* at checkpoint/);
  rmSync(root, { recursive: true });
});

test('an archive that is cut short, altered or something else is named, and nothing is changed', async () => {
  const root = join(base, 'damaged');
  await endedJob({ root, name: 'report', retention: ARCHIVED });
  const [{ archive }] = (await gc(root)).retired as [GcReport['retired'][number]];
  const whole = readFileSync(archive!);
  const file = openSync(archive!, 'r');
  const parts = tarMembers(file, archive!, 'index.json');
  closeSync(file);
  const copy = join(root, 'copy.tar');
  const refused = async (why: RegExp): Promise<void> => {
    await assert.rejects(verifyArchive(copy), (error) => isFailure(error) && why.test(error.message), String(why));
  };
  for (let size = 0; size < whole.length; size += size < 4_096 ? 97 : 7_919) {
    copyFileSync(archive!, copy);
    truncateSync(copy, size);
    await refused(/is damaged: it ends after|is damaged: its end is not/);
  }
  for (let at = 0; at < whole.length; at += at < 2_048 ? 31 : 1_009) {
    const altered = Buffer.from(whole);
    altered[at]! ^= 1;
    writeFileSync(copy, altered);
    // What pads a file holds nothing.
    const isHeld = at < 512 || parts.some((part) => at >= part.at - 512 && at < part.at + part.sizeBytes);
    if (isHeld) await refused(/./);
  }
  writeFileSync(copy, Buffer.concat([whole, Buffer.alloc(512)]));
  await refused(/its end is not two blocks of zeros/);
  execFileSync('tar', ['-cf', copy, '-C', join(root, 'report'), '0.txt']);
  await refused(/is no archive of a job/);
  writeFileSync(copy, 'not a tar'.repeat(100));
  await refused(/a header/);
  const shown = await cli(['log', copy], {});
  assert.equal(shown.code, 1);
  assert.match(shown.err, /The archive .*copy.tar is damaged/);
});

test('what stands in an archive’s place keeps the record', async () => {
  const root = join(base, 'taken');
  const jobId = await endedJob({ root, name: 'report', retention: ARCHIVED });
  const [{ archive }] = (await gc(root, { dryRun: true })).retired as [GcReport['retired'][number]];
  await endedJob({ root, name: 'other', retention: ARCHIVED, plan: 'other' });
  const [first] = (await gc(root)).retired;
  assert.ok(first !== undefined);
  const again = join(base, 'again');
  const sameId = await endedJob({ root: again, name: 'report', retention: ARCHIVED });
  const [planned] = (await gc(again, { dryRun: true })).retired;
  execFileSync('mkdir', ['-p', join(again, 'archives')]);
  copyFileSync(archive!, planned!.archive!);
  const { retired, problems } = await gc(again);
  assert.deepEqual([retired, problems.length], [[], 1]);
  assert.match(problems[0]!.what, new RegExp(`There is an archive .* already, of ${jobId}`));
  assert.deepEqual(jobsOf(join(again, 'report')), [sameId]);
  truncateSync(planned!.archive!, 2_000);
  assert.match((await gc(again)).problems[0]!.what, /is damaged: it ends after 2000 bytes/);
  assert.deepEqual(jobsOf(join(again, 'report')), [sameId]);
});

test('of a store the latest checkpoints stay, what they go on from, and the contents that they name', async () => {
  const root = join(base, 'stored');
  const checkpoint = { store: '${{ env.CHECKPOINTS }}', keep: 3 };
  const jobId = await endedJob({ root, name: 'report', steps: 12, checkpoint, env: env(root) });
  const store = openStore(join(root, 'checkpoints'));
  const before = await store.generations(jobId);
  const { content } = await store.putBlob([Buffer.from('nobody names it')] as never);
  const dry = await gc(root, { env: env(root), dryRun: true, unusedForMs: 0 });
  assert.deepEqual(await store.generations(jobId), before);
  const { stores, problems } = await gc(root, { env: env(root), unusedForMs: 0 });
  assert.deepEqual(problems, []);
  const left = await store.generations(jobId);
  assert.ok(left.length >= 3 && left.length < before.length, `${left.length} of ${before.length}`);
  assert.deepEqual([stores[0]!.checkpoints, stores[0]!.contents], [before.length - left.length, 1]);
  assert.deepEqual(dry.stores[0]!.checkpoints, stores[0]!.checkpoints);
  assert.deepEqual(await store.hasBlobs([content]), new Set());
  for (const seq of left.slice(-3)) assert.equal((await loadJob(store, jobId, seq)).chain.length, seq);
  assert.deepEqual((await verifyStore(store)).problems, []);
  // What can't be read may name any content.
  const { content: other } = await store.putBlob([Buffer.from('another')] as never);
  writeFileSync(store.where(jobId, left.at(-1)!), 'not a checkpoint');
  const hindered = await gc(root, { env: env(root), unusedForMs: 0 });
  assert.match(hindered.stores[0]!.hindrances.join(' '), /no content was removed/);
  assert.deepEqual(await store.hasBlobs([other]), new Set([other]));
  await store.close();
});

test('beside jobs that run and seal, gc takes nothing that they need', async () => {
  const root = join(base, 'race');
  const checkpoint = { store: '${{ env.CHECKPOINTS }}', keep: 3 };
  let isOver = false;
  const collecting = (async () => {
    const reports: GcReport[] = [];
    while (!isOver) {
      reports.push(await gc(root, { env: env(root), nowMs: Date.now(), unusedForMs: 500 }));
      await delay(20);
    }
    return reports;
  })();
  const retention = { jobs: 1, archive: 'archives' };
  const one = async (workspace: string): Promise<void> => {
    for (let round = 0; round < 4; round++)
      await endedJob({ root, name: workspace, plan: workspace, steps: 6, checkpoint, retention, env: env(root) });
  };
  try {
    await Promise.all([one('a'), one('b')]);
  } finally {
    isOver = true;
  }
  const reports = await collecting;
  assert.deepEqual(
    reports.flatMap(({ problems }) => problems).filter(({ what }) => !/busy|gone on|no folder/i.test(what)),
    [],
  );
  const retired = reports.flatMap((report) => report.retired);
  assert.ok(retired.length > 0, 'records have gone meanwhile');
  const store = openStore(join(root, 'checkpoints'));
  assert.deepEqual((await verifyStore(store)).problems, []);
  for (const series of await store.series())
    for (const seq of (await store.generations(series)).slice(-3)) await loadJob(store, series, seq);
  await store.close();
  for (const { archive, jobId } of retired) {
    const opened = openArchive(archive!);
    assert.equal(opened.job.jobId, jobId);
    opened.close();
    await verifyArchive(archive!);
  }
  for (const name of ['a', 'b']) {
    const checked = await cli(['doctor', join(root, name), '--deep', '--json'], { cwd: root });
    const record = checked.json<{ checks: { name: string; state: string; detail: string }[] }>().checks;
    assert.deepEqual(
      record.filter(({ name: part, state }) => /record|content/.test(part) && state === 'problem'),
      [],
    );
  }
});
