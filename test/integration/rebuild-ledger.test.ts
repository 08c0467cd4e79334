/** A ledger that is made from a store: as the one that was lost, up to the checkpoint; the job goes on from it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { rebuildLedger } from '../../src/protocol/checkpoint/rebuild-ledger.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { Workspace } from '../../src/protocol/workspace/workspace.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';
import { decide, questionFrom } from '../support/questions.ts';
import { sqliteScript } from '../support/sqlite.ts';
import { dumpLedger, latestStored, Notes, sealAll, storedPlace, STORED_SETTINGS } from '../support/stored-job.ts';

const work = defineStep({
  name: 'work',
  input: z.object({ text: z.string() }),
  output: z.object({ rang: z.string() }),
});
const CALLS: string[] = [];
/** A file, a row, a call, a sub-step, and a content that is no small one. */
const worked = implementStep(work, async (ctx, { text }) => {
  await ctx.files.write(`${text}.txt`, `${text} ${ctx.generation}\n`);
  await ctx.files.write(`${text}.large`, text.repeat(20_000));
  await ctx.db('main').upsert('note', { id: text.length, text });
  await ctx.step('inner', { text }, async (sub, given) => {
    await sub.files.write(`${given.text}.inner`, given.text);
    return given.text;
  });
  return {
    rang: await ctx.perform('ring', { request: { text }, run: ({ key }) => (CALLS.push(key), `rung ${text}`) }),
  };
});

let place: ReturnType<typeof storedPlace>;
let job: TestJob;
let notes: Notes;

const settings = { ...STORED_SETTINGS, databases: { main: 'sqlite:main.db' } };

function open(resume?: TestJob['memory']): TestJob {
  const { databases } = settings;
  return openTestJob({
    workspace: join(place.root, 'ws'),
    steps: [worked],
    databases,
    ...(resume === undefined ? {} : { resume, workerId: 'another' }),
  });
}

beforeEach(() => {
  place = storedPlace();
  mkdirSync(join(place.root, 'ws'));
  sqliteScript(join(place.root, 'ws', 'main.db'), 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)');
  job = open();
  notes = new Notes();
  CALLS.length = 0;
});

afterEach(async () => {
  setFaultHook(undefined);
  await job.close();
  place[Symbol.dispose]();
});

const at = (...names: readonly string[]): string => join(place.root, 'ws', ...names);
const rang = (text: string): Promise<unknown> => job.step(work, { text }, { stepId: text });

/** Loses the ledger and makes it anew from the store's latest checkpoint. */
async function rebuild(): Promise<number> {
  const stored = await latestStored(place.store, job.jobId);
  const workspace = new Workspace(at(), {}, undefined, place.root);
  try {
    return (await rebuildLedger(workspace, { stored, store: place.store, settings })).seq;
  } finally {
    await workspace.close();
  }
}

/** Steps, a drift that was accepted, an approval, a rewind, and a checkpoint at the end. */
async function lived(): Promise<void> {
  await job.step(work, { text: 'one' }, { stepId: 'one', checkpoints: [notes.next({ next: ['one'] })] });
  const first = notes.next({ next: ['three'] });
  await job.step(work, { text: 'three' }, { stepId: 'three', checkpoints: [first] });
  writeFileSync(at('one.txt'), 'a person wrote this\n');
  const drift = await job.verify();
  assert.ok(drift.kind === 'question');
  await decide(job, drift.question, { answer: 'accept' });
  const approved = job.step(work, { text: 'seven' }, { stepId: 'seven', approval: 'before-apply' });
  await decide(job, await questionFrom(approved), { answer: 'approve' });
  await job.step(work, { text: 'seven' }, { stepId: 'seven', approval: 'before-apply' });
  const to = dumpLedger(job.workspace, 1e9)['record']!.findIndex(
    (row) => (row as { readonly token?: unknown }).token === first.digest,
  );
  const back = await job.rewind({ to: to + 1, items: { 'perform:three/ring': 'repeat' } });
  assert.equal(back.kind, 'repaired', JSON.stringify(back));
  await rang('three');
  await job.step(work, { text: 'eleven' }, { stepId: 'eleven', checkpoints: [notes.next({ next: ['eleven'] })] });
}

/** The claim of the step around it stands for a sub-step's, which has none. */
function isRequested(row: unknown): boolean {
  return !(row as { step_id?: string }).step_id?.includes(':') || 'body' in (row as object);
}

test('it is as the one that was lost, up to the checkpoint, and the job goes on from it', async () => {
  await lived();
  const called = CALLS.length;
  await sealAll(job);
  const { chain } = await latestStored(place.store, job.jobId);
  const upTo = chain.length;
  const before = dumpLedger(job.workspace, upTo);
  await job.close();
  rmSync(at('.holdfast'), { recursive: true });
  mkdirSync(at('.holdfast'));
  assert.equal(await rebuild(), upTo);
  const after = dumpLedger(job.workspace, upTo);
  const ofChain = new Set(chain.flatMap(({ record }) => (record.kind === 'step' ? [record.token] : [])));
  for (const table of Object.keys(before)) {
    const ofSteps = table === 'done' || table === 'calls';
    const known = (row: unknown): boolean => !ofSteps || ofChain.has((row as { token: string }).token);
    assert.deepEqual(after[table]!.filter(isRequested), before[table]!.filter(known), table);
  }
  // The step after the checkpoint is not in it, and its traces are found before anything else is done.
  const { memory } = job;
  job = open({
    ...memory,
    known: { seq: upTo, head: chain.at(-1)!.head },
    steps: memory.steps.filter(([, , seq]) => seq <= upTo),
  });
  const compared = await job.verify();
  assert.ok(compared.kind === 'question');
  assert.deepEqual(
    compared.question.findings.map(({ resource, kind }) => `${resource.split('/')[0]} ${kind}`),
    ['token:main token-unknown'],
  );
  for (const stepId of ['one', 'three']) await rang(stepId).catch(() => undefined);
  assert.equal(CALLS.length, called, 'what was called before is answered by the record');
});

test('a ledger that is there is never replaced, and a log of the one before is no log of the new one', async () => {
  await job.step(work, { text: 'one' }, { stepId: 'one', checkpoints: [notes.next()] });
  await sealAll(job);
  const { memory } = job;
  await assert.rejects(rebuild(), { type: 'foreign-ledger', message: /already\. Nothing was changed\.$/ });
  // The worker is killed: its log stays, and the file that it belongs to is lost.
  sqliteScript(at('.holdfast', 'ledger.sqlite'), 'PRAGMA wal_checkpoint');
  assert.ok(existsSync(at('.holdfast', 'ledger.sqlite-wal')));
  rmSync(at('.holdfast', 'ledger.sqlite'));
  await rebuild();
  await job.close();
  assert.deepEqual(readdirSync(at('.holdfast', 'lost')).length, 1);
  assert.ok(!existsSync(at('.holdfast', 'ledger-being-made')));
  job = open(memory);
  assert.equal((await job.verify()).kind, 'question', 'the record lacks the step that came after the checkpoint');
});

test('a kill at any point leaves no ledger or the whole, and the same again makes it', async () => {
  const write = { path: 'one.txt', content: 'one' };
  await job.step(fileWriteStep, write, { stepId: 'one', checkpoints: [notes.next()] });
  await sealAll(job);
  await job.close();
  const upTo = (await latestStored(place.store, job.jobId)).chain.length;
  const lose = (): void => {
    rmSync(at('.holdfast'), { recursive: true });
    mkdirSync(at('.holdfast'));
  };
  const points: FaultPoint[] = [];
  setFaultHook((point) => void points.push(point));
  lose();
  await rebuild();
  const whole = dumpLedger(at(), upTo);
  assert.ok(points.includes('link.before') && points.length > 20, `${points.length} points`);
  for (const index of points.keys()) {
    lose();
    let met = 0;
    setFaultHook((point) => {
      if (met++ === index) throw new Error(`killed at ${point}`);
    });
    await rebuild().catch(() => undefined);
    assert.ok(met > index, 'it was reached');
    setFaultHook(undefined);
    if (!existsSync(at('.holdfast', 'ledger.sqlite'))) await rebuild();
    assert.deepEqual(dumpLedger(at(), upTo), whole, `killed at point ${index}, ${points[index]}`);
  }
});

test('a content that is not what its name says, or is not there, is found before anything is made', async () => {
  await job.step(work, { text: 'one' }, { stepId: 'one', checkpoints: [notes.next()] });
  await job.step(work, { text: 'three' }, { stepId: 'three', checkpoints: [notes.next()] });
  await sealAll(job);
  await job.close();
  rmSync(at('.holdfast'), { recursive: true });
  mkdirSync(at('.holdfast'));
  for await (const { content } of place.store.blobs()) await place.store.removeBlob(content);
  await assert.rejects(rebuild(), { type: 'not-found' });
  assert.ok(!existsSync(at('.holdfast', 'ledger.sqlite')));
});
