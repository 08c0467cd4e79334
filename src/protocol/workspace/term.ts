/**
 * Who may act: the current Run, under a term that every database and the ledger agree on.
 *
 * Invariant: a term is raised in every database's fence row first, in canonical order, and in the ledger last. All, or
 * none is returned; a partial raise is harmless, since applying requires them to agree.
 */
import { HoldfastError } from '../../model/failure.ts';
import { invariant } from '../../model/invariant.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import type { Workspace } from './workspace.ts';

/** Only the current Run may verify, repair or release. Call under the lock. @throws HoldfastError `not-current-run` */
export async function mustBeCurrentRun(host: ProtocolHost, caller: Caller): Promise<void> {
  const current = await host.currentRunId(caller.workflowId);
  if (current === caller.runId) return;
  const which = current === undefined ? '' : ` (that is ${current})`;
  throw new HoldfastError(
    'not-current-run',
    `Run ${caller.runId} of ${caller.workflowId} is not the current one${which}; it does nothing.`,
  );
}

export interface UnreachableDatabase {
  readonly name: string;
  readonly error: HoldfastError;
}

/** The term that every fence row has now; or the databases for which no fence was raised anywhere. */
export type RaisedFences = { readonly term: number } | { readonly unreachable: readonly UnreachableDatabase[] };

/**
 * Raises every database's fence row to one term above all that are there. A partial raise is harmless.
 * @throws HoldfastError `fenced` where another verification overtakes this one
 */
export async function raiseFences(
  workspace: Workspace,
  settings: JobSettings,
  jobId: string,
  atLeast: number,
): Promise<RaisedFences> {
  const names = Object.keys(settings.databases).sort();
  const { highest, unreachable } = await highestFence(workspace, settings, jobId, names);
  if (unreachable.length > 0) return { unreachable };
  const term = Math.max(atLeast, highest + 1);
  for (const name of names) {
    const database = await workspace.database(name, settings);
    const fence = await database.raiseFence(jobId, term);
    invariant(fence.term >= term, 'the term of a fence row never falls');
    if (fence.term !== term)
      throw new HoldfastError(
        'fenced',
        `Database ${name} has term ${fence.term} for ${jobId}; another verification has overtaken term ${term}.`,
      );
    faultPoint('term.fence-raised');
  }
  return { term };
}

/** The highest term of the job's fence rows; 0: there are none. */
async function highestFence(
  workspace: Workspace,
  settings: JobSettings,
  jobId: string,
  names: readonly string[],
): Promise<{ readonly highest: number; readonly unreachable: readonly UnreachableDatabase[] }> {
  const unreachable: UnreachableDatabase[] = [];
  let highest = 0;
  for (const name of names) {
    try {
      const database = await workspace.database(name, settings);
      await database.ensureHoldfastTables();
      const fence = await database.fence(jobId);
      highest = Math.max(highest, fence?.term ?? 0);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      unreachable.push({ name, error });
      await workspace.forget(name);
    }
  }
  return { highest, unreachable };
}
