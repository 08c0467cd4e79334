/**
 * SQLite's own check of a ledger's file.
 *
 * Invariant: it never holds up the main loop for longer than a small file takes: a larger one is checked by a thread,
 * so that heartbeats and beats go on however large the ledger has become.
 */
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { sqliteFailureType } from '../../model/error-table.ts';
import { OF_RECORD, storageError } from '../durable-file.ts';
import { isSqliteError } from '../sqlite-failure.ts';
import { SqliteStore } from '../sqlite-store.ts';

/** A file of this size is checked in less time than a thread takes to start. */
export const MAX_BYTES_HERE = 4 * 1024 * 1024;

/** 'ok', or what is wrong. */
export type Verdict = string;

/** What a thread answers: the driver's error has to be put together again on this side. */
export type CheckReply = { readonly verdict: Verdict } | { readonly message: string; readonly errcode: number };

/** @throws what the driver throws; HoldfastError where the file can't be looked at */
export async function checkFile(path: string, maxBytesHere = MAX_BYTES_HERE): Promise<Verdict> {
  return sizeOf(path) > maxBytesHere ? await checkInThread(path) : checkHere(path);
}

/** On the calling thread, by a connection of its own. @throws what the driver throws */
export function checkHere(path: string): Verdict {
  // A page that could not be read is told like one that is damaged: what is damaged is so at the second look, too.
  return firstVerdict(path) === 'ok' ? 'ok' : verdictOf(path);
}

/** Undefined: it calls the file damaged before it has begun. */
function firstVerdict(path: string): Verdict | undefined {
  try {
    return verdictOf(path);
  } catch (error) {
    if (isSqliteError(error) && sqliteFailureType(error.errcode, 'ledger') === 'ledger-damaged') return undefined;
    throw error;
  }
}

function verdictOf(path: string): Verdict {
  const store = new SqliteStore(path, { readOnly: true });
  try {
    return String(Object.values(store.get('PRAGMA integrity_check(1)') ?? { verdict: 'ok' })[0]);
  } finally {
    store.close();
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw storageError('look at', path, error, OF_RECORD);
  }
}

async function checkInThread(path: string): Promise<Verdict> {
  // The same file as source (.ts) and as package (.js).
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./soundness-worker.${extension}`, import.meta.url), { workerData: { path } });
  try {
    const reply = await new Promise<CheckReply>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(storageError('check', path, new Error('its thread ended'))));
    });
    if ('verdict' in reply) return reply.verdict;
    throw Object.assign(new Error(reply.message), { code: 'ERR_SQLITE_ERROR', errcode: reply.errcode });
  } finally {
    await worker.terminate();
  }
}
