/** The thread that checks a large ledger's file: one check, one answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { isSqliteError } from '../sqlite-failure.ts';
import { checkHere, type CheckReply } from './soundness.ts';

const { path } = workerData as { readonly path: string };

parentPort!.postMessage(reply());

function reply(): CheckReply {
  try {
    return { verdict: checkHere(path) };
  } catch (error) {
    if (!isSqliteError(error)) throw error;
    return { message: error.message, errcode: error.errcode };
  }
}
