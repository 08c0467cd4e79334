/** A job in a store: what is loaded is the chain of one history, and a store of another history is left alone. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Json } from '../../src/model/canonical-json.ts';
import { noteOf, type CheckpointNote } from '../../src/model/checkpoint/note.ts';
import type { StateWrite } from '../../src/model/state/state-write.ts';
import { loadCheckpoint, loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { SealedJobs } from '../../src/protocol/checkpoint/seal-job.ts';
import { recordCheckpoints } from '../../src/protocol/commit/record-checkpoints.ts';
import { Workspace } from '../../src/protocol/workspace/workspace.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { seal } from '../../src/store/sealed/seal.ts';
import type { SealedStore } from '../../src/store/sealed/store.ts';

const JOB = 'job@run';
const settings = { databases: {}, watch: [], verifyAfterMs: 0, plan: null, checkpoint: { store: 'store' } };
const job = { jobId: JOB, workflowId: 'job', settings };

let root: string;
let store: SealedStore;
const opened: Workspace[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-stored-job-'));
  store = openStore(join(root, 'store'));
});

afterEach(async () => {
  for (const workspace of opened.splice(0)) await workspace.close();
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

/** A workspace whose record has one checkpoint after the other. */
async function workspaceWith(name: string, ...steps: readonly string[]): Promise<Workspace> {
  const workspace = new Workspace(mkdtempSync(join(root, name)), {}, undefined, root);
  opened.push(workspace);
  const ledger = (work: (ledger: Ledger) => void): Promise<void> =>
    workspace.exclusive('test', (one) => one.transaction(() => work(one)), { create: true });
  await ledger((one) => one.addJob({ jobId: JOB, workflowId: 'job', runId: 'run', settings }));
  let parent: string | null = null;
  for (const [step, next] of steps.entries()) {
    const note = noteOf({
      parent,
      source: step === 0 ? 'input' : 'loop',
      step: step - 1,
      tasks: [],
      next: [next],
      writes: [],
    });
    await ledger((one) => void recordCheckpoints(one, { jobId: JOB, runId: 'run' }, [note]));
    parent = note.digest;
  }
  return workspace;
}

test('a job is sealed once, and what was sealed leads to the place that it states', async () => {
  const workspace = await workspaceWith('one', 'a', 'b', 'c');
  const jobs = new SealedJobs();
  await Promise.all([jobs.seal(workspace, job, 'w1'), jobs.seal(workspace, job, 'w1')]);
  await new SealedJobs().seal(workspace, job, 'w2');
  assert.deepEqual(await store.generations(JOB), [1, 2, 3]);
  const { chain } = await loadJob(store, JOB, 3);
  assert.deepEqual(
    chain.map(({ record }) => (record.kind === 'checkpoint' ? record.next : [])),
    [['a'], ['b'], ['c']],
  );
});

test('a store that has another history of the job is left as it is, and said so', async () => {
  await new SealedJobs().seal(await workspaceWith('one', 'a', 'b'), job, 'w1');
  const other = await workspaceWith('other', 'x', 'y', 'z');
  await assert.rejects(new SealedJobs().seal(other, job, 'w2'), {
    type: 'checkpoint-taken',
    message: /has another one of this number\. Nothing was written\.$/,
  });
  const shorter = await workspaceWith('shorter', 'a');
  await assert.rejects(new SealedJobs().seal(shorter, job, 'w3'), {
    type: 'checkpoint-taken',
    message: /ends before it/,
  });
  assert.deepEqual(await store.generations(JOB), [1, 2]);
});

test('a checkpoint whose records are of another history is not loaded, nor one in the place of another', async () => {
  await new SealedJobs().seal(await workspaceWith('one', 'a', 'b'), job, 'w1');
  const checkpoint = await loadCheckpoint(store, JOB, 2);
  const put = async (seq: number, document: unknown): Promise<void> =>
    await store.put(JOB, seq, seal({ kind: 'checkpoint', document: document as Json, writer: 'w1' }));
  await put(3, checkpoint);
  await assert.rejects(loadJob(store, JOB, 3), {
    type: 'checkpoint-damaged',
    message: /it is checkpoint 2 of job@run/,
  });
  const [text] = checkpoint.chain.records;
  const changed = { ...checkpoint.chain, records: [text!.replace('"b"', '"c"')] };
  await store.remove(JOB, 2);
  await put(2, { ...checkpoint, chain: changed });
  await assert.rejects(loadJob(store, JOB, 2), {
    type: 'checkpoint-damaged',
    message: /its records do not lead to the place in the chain that it states/,
  });
  await put(4, { nothing: true });
  await assert.rejects(loadJob(store, JOB, 4), { type: 'checkpoint-damaged', message: /is no whole checkpoint/ });
});

test('the values of a stored checkpoint are those of its own line, not of one left behind', async () => {
  const workspace = await workspaceWith('one');
  const note = async (fields: Partial<CheckpointNote>): Promise<CheckpointNote> => {
    const made = noteOf({ parent: null, source: 'loop', step: 0, tasks: [], next: [], writes: [], ...fields });
    await workspace.exclusive('test', (ledger) =>
      ledger.transaction(() => void recordCheckpoints(ledger, { jobId: JOB, runId: 'run' }, [made])),
    );
    return made;
  };
  const write = (channel: string, reducer: string, value: string): StateWrite => ({
    node: 'a',
    channel,
    reducer,
    value,
  });
  const { digest: parent } = await note({ begins: { seen: { reducer: 'append' }, last: { reducer: 'replace' } } });
  await note({ parent, writes: [write('seen', 'append', 'left behind')] });
  // So much is new that its document has the whole chain, and the values, which are small.
  const many = Array.from({ length: 30 }, (_, index) => write('last', 'replace', `${index} ${'x'.repeat(1_000)}`));
  await note({ parent, writes: [write('seen', 'append', 'this'), ...many, write('last', 'replace', 'end')] });
  await new SealedJobs().seal(workspace, job, 'w1');
  const { values, before } = await loadCheckpoint(store, JOB, 3);
  assert.equal(before, null, 'it has the whole chain');
  assert.deepEqual(values, { seen: ['this'], last: 'end' });
});
