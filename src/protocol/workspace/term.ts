/**
 * Who may act: the current Run, under a term that every database and the ledger agree on.
 *
 * Invariant: a term is raised in every database's fence row first, in canonical order, and in the ledger last. All, or
 * none is returned; a partial raise is harmless, since applying requires them to agree.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/messages.ts';
import type { Finding } from '../../model/question/question.ts';
import { formatResource } from '../../model/record/resource.ts';
import { faultPoint } from '../../store/fault-point.ts';
import { unreachableFinding } from '../verify/compare.ts';
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

/** Raises every database's fence row to one term above all that are there. A partial raise is harmless. */
export async function raiseFences(
  workspace: Workspace,
  settings: JobSettings,
  jobId: string,
  atLeast: number,
): Promise<{ readonly term: number } | { readonly findings: readonly Finding[] }> {
  const names = Object.keys(settings.databases).sort();
  const findings: Finding[] = [];
  let term = atLeast;
  for (const name of names) {
    try {
      const database = await workspace.database(name, settings);
      await database.ensureHoldfastTables();
      const fence = await database.fence(jobId);
      if (fence !== undefined) term = Math.max(term, fence.term + 1);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      findings.push(unreachableFinding(formatResource({ kind: 'database', database: name }), error));
      await workspace.forget(name);
    }
  }
  if (findings.length > 0) return { findings };
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
