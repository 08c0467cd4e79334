/** Who may act: a term that every database and the ledger agree on. As `src/protocol/workspace/term.ts` does it. */
import type { Running } from './running.ts';
import { DATABASES, type Database } from './state.ts';

/** In every database first, in the ledger last. */
export function raiseFences(r: Running, atLeast: number): number {
  const term = Math.max(atLeast, ...DATABASES.map((db) => r.state.fences[db] + 1));
  if (r.has('fencesFirst')) for (const db of DATABASES) setFence(r, db, term);
  return term;
}

export function setFence(r: Running, db: Database, term: number): void {
  r.state.fences[db] = term;
  r.moment('term.fence-raised');
}
