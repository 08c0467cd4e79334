/** A folder that is to be cleaned up, and what must be there however cleaning up went. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { verifyArchive } from '../../src/protocol/retention/archive-file.ts';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { verifyStore } from '../../src/store/sealed/verify.ts';
import { endedJob } from './ended-job.ts';
import { readLedger } from './ledger.ts';

/** A moment when the time of the job's record is over. */
export const LATER_MS = 31 * 24 * 60 * 60 * 1_000;

export interface GcWorld {
  readonly folder: string;
  /** Where the checkpoints are: within the folder, or a database's URL. */
  readonly checkpoints: string;
  readonly jobId: string;
}

/**
 * A job of eleven checkpoints that has ended: its record is to be archived, the newest three stay, a
 * content of the store that nobody names is to go.
 * @param checkpoints default a folder
 */
export async function endedWorld(folder: string, checkpoints = join(folder, 'checkpoints')): Promise<GcWorld> {
  const jobId = await endedJob({
    root: folder,
    name: 'report',
    steps: 11,
    retention: { days: 30, archive: 'archives' },
    checkpoint: { store: '${{ env.CHECKPOINTS }}', keep: 3 },
    env: { CHECKPOINTS: checkpoints },
  });
  const store = openStore(checkpoints);
  await store.putBlob(Readable.from([Buffer.from('No document names it.')]));
  await store.close();
  return { folder, checkpoints, jobId };
}

/** @param checkpoints those of the copy, where they are in a database */
export function copyOfWorld(world: GcWorld, folder: string, checkpoints = join(folder, 'checkpoints')): GcWorld {
  cpSync(world.folder, folder, { recursive: true, preserveTimestamps: true });
  return { folder, checkpoints, jobId: world.jobId };
}

export function isRecorded({ folder, jobId }: GcWorld): boolean {
  return readLedger(join(folder, 'report'), (ledger) => ledger.job(jobId)?.state) === 'released';
}

/** At any moment: the record, or its whole archive, and three checkpoints that can be loaded. */
export async function mustBeThere(world: GcWorld): Promise<void> {
  const { folder, checkpoints, jobId } = world;
  const archives = join(folder, 'archives');
  const named = existsSync(archives) ? readdirSync(archives).filter((name) => name.endsWith('.tar')) : [];
  for (const name of named) assert.equal((await verifyArchive(join(archives, name))).jobId, jobId);
  assert.ok(isRecorded(world) || named.length === 1, 'the record is there, or its archive');
  const store = openStore(checkpoints);
  try {
    const last = (await store.generations(jobId)).slice(-3);
    assert.equal(last.length, 3);
    for (const seq of last) await loadJob(store, jobId, seq);
  } finally {
    await store.close();
  }
}

/** Once gc was through: nothing is left to be done. */
export async function mustBeClean(world: GcWorld): Promise<void> {
  await mustBeThere(world);
  const { folder, checkpoints, jobId } = world;
  assert.equal(isRecorded(world), false, 'the record is gone');
  assert.deepEqual(readdirSync(join(folder, 'archives')).length, 1, 'nothing half written is left');
  const store = openStore(checkpoints);
  try {
    assert.ok((await store.generations(jobId)).length === 3, 'old checkpoints are gone');
    const { problems, contents } = await verifyStore(store);
    assert.deepEqual([problems, contents], [[], 1], 'the one content that documents name');
  } finally {
    await store.close();
  }
}
