/**
 * Open transactions while other work goes on: hashing large files takes longer than a database lets a transaction be
 * idle.
 */
import type { OpenTransaction } from './application.ts';

/** Well below IDLE_TIMEOUT_MS. */
const KEEP_ALIVE_MS = 2_000;

/** Until the returned function is called. `open` may grow meanwhile. */
export function keepAlive(open: readonly Pick<OpenTransaction, 'transaction'>[]): () => void {
  let isAnswered = true;
  const timer = setInterval(() => {
    if (!isAnswered || open.length === 0) return;
    isAnswered = false;
    // A transaction that has ended says so at its next call.
    void Promise.allSettled(open.map(({ transaction }) => transaction.keepAlive())).then(() => (isAnswered = true));
  }, KEEP_ALIVE_MS).unref();
  return () => clearInterval(timer);
}
