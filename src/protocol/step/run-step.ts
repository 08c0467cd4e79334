/**
 * The guarded step, from request to record. A plain function: it knows no Temporal.
 *
 * verified? → claim → run the code (it stages) → seal → apply in two phases → record
 *
 * Invariants
 * 1. A request that is not verified does nothing.
 * 2. A token is applied once; a request whose token is recorded gets the recorded result.
 * 3. The code's failures close the claim durably; a claim left open means a lost worker, and the world is compared
 *    first.
 */
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { admitStep, admitWithin, recordedWithin } from './admission.ts';
import { askAboutRecord, type NotVerifiedResult } from './record-trouble.ts';
import { runAttempt } from './run-attempt.ts';
import { RunWork } from './run-work.ts';
import type { StepRun } from './step-run.ts';

/**
 * Runs one step, or says why not. Safe to repeat: that is its purpose.
 * @throws HoldfastError for what may pass (`busy`, `storage-unreachable`, `step-failed` below its attempts, …); the
 *   caller tries again
 */
export async function runStepProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: RunStepRequest,
): Promise<RunStepResult> {
  try {
    const workspace = workspaces.find(request.workspace);
    if (workspace === undefined) return noRecord(workspaces, request);
    const work = new RunWork(host, workspace, request);
    return await runStepWork({ host, workspace, caller, request, work });
  } catch (error) {
    return await askAboutRecord(workspaces, error, request);
  }
}

export function noRecord(workspaces: Workspaces, { workspace }: Pick<RunStepRequest, 'workspace'>): NotVerifiedResult {
  const detail = `there is no ledger in ${workspaces.pathOf(workspace)}`;
  return { kind: 'verification-required', reason: 'workspace-missing', detail };
}

/** The same for any work under a token. Safe to repeat. @throws HoldfastError as `runStepProtocol` */
export async function runStepWork(given: Omit<StepRun, 'runWork'>): Promise<RunStepResult> {
  let run: StepRun = { ...given, runWork: runStepWork };
  const { claim } = run.within?.attempt ?? {};
  for (;;) {
    const admittedWithin = claim?.read((ledger) => {
      const standing = ledger.standing(run.request.jobId, run.work.token);
      if (standing === undefined) return undefined;
      run = { ...run, since: run.since ?? standing.seq };
      return standing.isKnown ? recordedWithin(run, ledger) : admitWithin(run, ledger, standing);
    });
    const admission =
      admittedWithin ??
      (await run.workspace.exclusive('claim', (ledger) => ledger.reading(() => admitStep(run, ledger)), {
        signal: run.caller.signal,
      }));
    if ('result' in admission) return admission.result;
    const result = await runAttempt(run, admission);
    if (result !== 'again') return result;
  }
}
