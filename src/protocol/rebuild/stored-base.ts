/**
 * What a job's store has of it: the newest checkpoint that can be read, and which newer ones can't.
 *
 * Invariant: an older one than the newest is never taken without naming those that were passed over.
 */
import type { JobSettings } from '../../model/job/settings.ts';
import { openStore } from '../../store/sealed/open-store.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import type { StoredJob } from '../checkpoint/load-job.ts';
import { chooseStored } from '../checkpoint/stored-choice.ts';
import { storeLocation } from '../workspace/store-location.ts';
import type { WorkerEnv } from '../workspace/database-url.ts';

/** A newer checkpoint that was passed over. */
export interface Unreadable {
  readonly seq: number;
  readonly why: string;
}

export interface StoredBase {
  /** Undefined: it has none that can be read. */
  readonly stored: StoredJob | undefined;
  /** The newest first. */
  readonly unreadable: readonly Unreadable[];
}

/** Undefined: the job keeps its checkpoints in its record alone. Close it. @param base where relative paths begin */
export function storeOf(settings: JobSettings, base: string, env: WorkerEnv): SealedStore | undefined {
  const { checkpoint } = settings;
  if (checkpoint === undefined) return undefined;
  return openStore(storeLocation(checkpoint.store, env), { base });
}

/** @throws HoldfastError what may pass, `permission-denied` */
export async function storedBase(store: SealedStore, jobId: string): Promise<StoredBase> {
  const choice = await chooseStored(store, jobId);
  if (choice.kind === 'none') return { stored: undefined, unreadable: [] };
  if (choice.kind === 'job') return { stored: choice.stored, unreadable: [] };
  const unreadable = choice.unreadable.map(({ generation, failure }) => ({ seq: generation, why: failure.message }));
  return { stored: choice.older, unreadable };
}
