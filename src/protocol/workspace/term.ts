/**
 * Who may act: the current Run, under a term that every database and the ledger agree on.
 *
 * Invariant: a term is raised in every database's fence row first, in canonical order, and in the ledger last. All, or
 * none is returned; a partial raise is harmless, since applying requires them to agree.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import type { Workspace } from './workspace.ts';

/** Only the current Run may verify, repair or release. Call under the lock. */
export async function mustBeCurrentRun(host: ProtocolHost, caller: Caller): Promise<void> {
  const current = await host.currentRunId(caller.workflowId);
  if (current !== caller.runId) {
    throw new HoldfastError(
      'not-current-run',
      `Run ${caller.runId} of ${caller.workflowId} is not the current one${current === undefined ? '' : ` (that is ${current})`}; it does nothing.`,
    );
  }
}

export interface UnreachableDatabase {
  readonly name: string;
  readonly error: HoldfastError;
}

/** The term that every fence row has now; or the databases for which no fence was raised anywhere. */
export type RaisedFences = { readonly term: number } | { readonly unreachable: readonly UnreachableDatabase[] };

/** Raises every database's fence row to one term above all that are there. A partial raise is harmless. */
export async function raiseFences(
  workspace: Workspace,
  settings: JobSettings,
  jobId: string,
  atLeast: number,
): Promise<RaisedFences> {
  const names = Object.keys(settings.databases).sort();
  const unreachable: UnreachableDatabase[] = [];
  let term = atLeast;
  for (const name of names) {
    try {
      const database = await workspace.database(name, settings);
      await database.ensureHoldfastTables();
      const fence = await database.fence(jobId);
      if (fence !== undefined) term = Math.max(term, fence.term + 1);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      unreachable.push({ name, error });
      await workspace.forget(name);
    }
  }
  if (unreachable.length > 0) return { unreachable };
  for (const name of names) {
    const database = await workspace.database(name, settings);
    const fence = await database.raiseFence(jobId, term);
    if (fence.term !== term)
      throw new HoldfastError(
        'fenced',
        `Database ${name} has term ${fence.term} for ${jobId}; another verification has overtaken term ${term}.`,
      );
    faultPoint('term.fence-raised');
  }
  return { term };
}
