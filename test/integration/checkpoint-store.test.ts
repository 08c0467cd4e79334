/** A plan's job whose checkpoints are kept in a store: each before the next super-step, and whole. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { stateAfter } from '../../src/model/checkpoint/state-at.ts';
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import type { SealedStore } from '../../src/store/sealed/store.ts';
import { untilStatus } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { testPostgres } from '../support/postgres.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const postgres = await testPostgres();
const database = await postgres.database();
const { root, startPlan } = servedJobs(temporal, 'checkpoint-store', { env: { CHECKPOINTS: database } });

const IDS = ['a', 'b', 'c', 'd'];

function planOf(workspace: string, checkpoint: object, content = 'x'): object {
  return {
    schemaVersion: 1,
    name: 'notes',
    workspace,
    checkpoint,
    state: { seen: { reducer: 'append' } },
    steps: IDS.map((id, index) => ({
      id,
      use: 'file.write',
      with: { path: `${id}.txt`, content: `${id} ${content}` },
      needs: index === 0 ? [] : [IDS[index - 1]!],
      state: { seen: id },
    })),
  };
}

async function jobIdOf(handle: WorkflowHandle): Promise<string> {
  return (await handle.query<{ readonly jobId: string }>('status')).jobId;
}

/** At each checkpoint of the store: the state, and how many records lead to it. */
async function storedStates(store: SealedStore, jobId: string): Promise<readonly (readonly [number, unknown])[]> {
  const states: (readonly [number, unknown])[] = [];
  for (const seq of await store.generations(jobId)) {
    const { chain } = await loadJob(store, jobId, seq);
    const notes = chain
      .map(({ record }) => record)
      .filter((record): record is CheckpointRecord => record.kind === 'checkpoint');
    states.push([chain.length, stateAfter(notes)['seen']]);
  }
  return states;
}

async function holdsWhole(store: SealedStore, handle: WorkflowHandle, workspace: string): Promise<void> {
  const jobId = await jobIdOf(handle);
  const records = chainOf(join(root, workspace), jobId);
  const places = records.filter(({ kind }) => kind === 'checkpoint').map(({ seq }) => seq);
  const states = await storedStates(store, jobId);
  assert.deepEqual(
    states.map(([seq]) => seq),
    places,
  );
  assert.deepEqual(
    states.map(([, seen]) => seen),
    [[], ...IDS.map((_, index) => IDS.slice(0, index + 1))],
  );
  const { chain, parts } = await loadJob(store, jobId, places.at(-1)!);
  assert.deepEqual(
    chain.map(({ record }) => record),
    records.slice(0, places.at(-1)),
    'record for record as the ledger has it',
  );
  const contents = parts.flatMap((part) => [...Object.keys(part.contents), ...part.blobs]);
  for (const record of records)
    if (record.kind === 'step')
      for (const { effect } of record.effects)
        if (effect.kind === 'file.write') assert.ok(contents.includes(effect.after.content), effect.path);
}

test('each checkpoint is in the folder that the plan names, with all that leads to it, contents too', async () => {
  const handle = await startPlan(planOf('folder', { store: 'stored' }));
  await handle.result();
  await using store = disposable(openStore(join(root, 'stored')));
  await holdsWhole(store, handle, 'folder');
  const jobId = await jobIdOf(handle);
  const [first] = await store.generations(jobId);
  const input = (await loadJob(store, jobId, first!)).chain.at(-1)!.record as CheckpointRecord;
  assert.equal(input.job!.type, 'agentJob');
  assert.deepEqual(input.job!.args, [{ plan: planOf('folder', { store: 'stored' }) }], 'what starts the job anew');
});

test('contents that are large are blobs of the store, each once', async () => {
  const handle = await startPlan(planOf('large', { store: 'stored-large' }, 'y'.repeat(20_000)));
  await handle.result();
  await using store = disposable(openStore(join(root, 'stored-large')));
  await holdsWhole(store, handle, 'large');
  let blobs = 0;
  for await (const { sizeBytes } of store.blobs()) blobs += sizeBytes > 0 ? 1 : 0;
  assert.equal(blobs, IDS.length);
});

test('the same in PostgreSQL, whose address only the environment has', async () => {
  const handle = await startPlan(planOf('postgres', { store: '${{ env.CHECKPOINTS }}' }));
  await handle.result();
  await using store = disposable(openStore(database));
  await holdsWhole(store, handle, 'postgres');
});

test('one document that can’t be read takes nothing from the others; two in a row are named', async () => {
  const handle = await startPlan(planOf('damaged', { store: 'stored-damaged' }));
  await handle.result();
  await using store = disposable(openStore(join(root, 'stored-damaged')));
  const jobId = await jobIdOf(handle);
  const all = await store.generations(jobId);
  const middle = all[2]!;
  writeFileSync(store.where(jobId, middle), 'not a checkpoint');
  await assert.rejects(loadJob(store, jobId, middle), { type: 'checkpoint-damaged' });
  for (const seq of all) if (seq !== middle) assert.equal((await loadJob(store, jobId, seq)).chain.length, seq);
  writeFileSync(store.where(jobId, all[1]!), 'nor this one');
  await assert.rejects(loadJob(store, jobId, all[3]!), { type: 'checkpoint-damaged' });
});

test('no step runs before the checkpoint of what came before is stored; then the job goes on by itself', async () => {
  mkdirSync(join(root, 'away'));
  writeFileSync(join(root, 'away', 'store'), 'a file where the folder should be');
  const handle = await startPlan(planOf('held', { store: 'away/store' }));
  // Tried again by Temporal, which shows what fails.
  await until(
    async () => (await handle.describe()).raw.pendingActivities?.[0]?.lastFailure?.message ?? '',
    (message) => message.includes('away/store'),
  );
  assert.deepEqual(
    readdirSync(join(root, 'held')).filter((name) => name.endsWith('.txt')),
    [],
  );
  renameSync(join(root, 'away', 'store'), join(root, 'away', 'moved'));
  await handle.result();
  await using store = disposable(openStore(join(root, 'away', 'store')));
  await holdsWhole(store, handle, 'held');
});

test('best-effort: the job goes on without', async () => {
  writeFileSync(join(root, 'in-the-way'), 'a file where the folder should be');
  const handle = await startPlan(planOf('effort', { store: 'in-the-way', mode: 'best-effort' }));
  await handle.result();
  const { steps } = await untilStatus(handle, ({ state }) => state === 'completed');
  assert.equal(steps.length, IDS.length);
});

function disposable(store: SealedStore): SealedStore & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
