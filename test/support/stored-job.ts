/** A job in this process whose checkpoints are sealed to a folder, and what its ledger holds, table by table. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { noteOf, type CheckpointNote } from '../../src/model/checkpoint/note.ts';
import { loadJob, type StoredJob } from '../../src/protocol/checkpoint/load-job.ts';
import { SealedJobs } from '../../src/protocol/checkpoint/seal-job.ts';
import { Workspace } from '../../src/protocol/workspace/workspace.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import type { SealedStore } from '../../src/store/sealed/store.ts';
import type { TestJob } from '../../src/testing.ts';

export const STORED_SETTINGS = {
  databases: {},
  watch: [],
  verifyAfterMs: 0,
  plan: null,
  checkpoint: { store: 'store' },
};

/** A folder with a workspace `ws` and a store `store` beside it. */
export function storedPlace(): { readonly root: string; readonly store: SealedStore } & Disposable {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-stored-')));
  const store = openStore(join(root, 'store'));
  return { root, store, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

/** Notes that go on from each other, as a Workflow makes them. */
export class Notes {
  readonly #made: CheckpointNote[] = [];

  /** The next one. */
  next(fields: Partial<CheckpointNote> = {}): CheckpointNote {
    const parent = this.#made.at(-1)?.digest ?? null;
    const step = this.#made.length - 1;
    const first = parent === null ? { source: 'input' as const, begins: {} } : { source: 'loop' as const };
    const note = noteOf({ parent, step, tasks: [], next: [], writes: [], ...first, ...fields });
    this.#made.push(note);
    return note;
  }
}

/** Seals all checkpoints of the record. */
export async function sealAll(
  { workspace, jobId }: Pick<TestJob, 'workspace' | 'jobId'>,
  store = STORED_SETTINGS.checkpoint.store,
): Promise<void> {
  const opened = new Workspace(workspace, {}, undefined, dirname(workspace));
  const workflowId = jobId.slice(0, jobId.lastIndexOf('@'));
  await new SealedJobs().seal(
    opened,
    { jobId, workflowId, settings: { ...STORED_SETTINGS, checkpoint: { store } } },
    'test',
  );
  await opened.close();
}

export async function latestStored(store: SealedStore, jobId: string): Promise<StoredJob> {
  return await loadJob(store, jobId, (await store.generations(jobId)).at(-1)!);
}

/** What a ledger has of a job up to a record, as text. */
export function dumpLedger(workspace: string, upTo: number): Record<string, readonly unknown[]> {
  const file = new DatabaseSync(join(workspace, '.holdfast', 'ledger.sqlite'), { readOnly: true });
  try {
    const all = (text: string, ...values: number[]): readonly unknown[] =>
      file
        .prepare(text)
        .all(...values)
        .map((row) => ({ ...row }));
    return {
      job: all('SELECT job_id, workflow_id, state FROM job'),
      meta: all("SELECT key, value FROM meta WHERE key IN ('boundJob', 'schemaVersion')"),
      record: all('SELECT * FROM record WHERE seq <= ? ORDER BY seq', upTo),
      manifest: all("SELECT * FROM manifest WHERE entry ->> '$.seq' <= ? ORDER BY resource", upTo),
      calls: all('SELECT * FROM perform ORDER BY generation, rowid'),
      generation: all('SELECT * FROM generation ORDER BY step_id'),
      done: all("SELECT token, step_id, generation, args, state FROM claim WHERE state = 'done' ORDER BY token"),
    };
  } finally {
    file.close();
  }
}
