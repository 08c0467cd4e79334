/** Reads what a workspace's ledger says, from beside the worker. */
import { join } from 'node:path';
import { BlobStore } from '../../src/store/blobs/blobs.ts';
import type { ChainRecord, DecisionRecord, StepRecord } from '../../src/model/record/record.ts';
import type { ManifestEntry } from '../../src/model/record/manifest.ts';
import { Ledger } from '../../src/store/ledger/ledger.ts';

export function readLedger<T>(workspace: string, read: (ledger: Ledger) => T): T {
  const ledger = Ledger.open(join(workspace, '.holdfast'), { create: false });
  try {
    return read(ledger);
  } finally {
    ledger.close();
  }
}

export function chainOf(workspace: string, jobId: string): readonly ChainRecord[] {
  return readLedger(workspace, (ledger) => [...ledger.records(jobId)].map(({ record }) => record));
}

export function decisionsOf(workspace: string, jobId: string): readonly DecisionRecord[] {
  return chainOf(workspace, jobId).filter((record): record is DecisionRecord => record.kind === 'decision');
}

export function stepRecordsOf(workspace: string, jobId: string, stepId: string): readonly StepRecord[] {
  return chainOf(workspace, jobId).filter(
    (record): record is StepRecord => record.kind === 'step' && record.stepId === stepId,
  );
}

export function manifestEntry(workspace: string, jobId: string, resource: string): ManifestEntry | undefined {
  return readLedger(workspace, (ledger) => ledger.manifestEntry(jobId, resource));
}

/** The text of a blob. */
export async function blobText(workspace: string, digest: string): Promise<string> {
  return Buffer.from(await new BlobStore(join(workspace, '.holdfast', 'blobs')).read(digest)).toString('utf8');
}
