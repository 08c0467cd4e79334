/**
 * Puts to a person what no Activity found: a plan's step that can't be given its input, or an output that doesn't fit
 * the state.
 */
import { HoldfastError } from '../../model/failure.ts';
import { usesOneOf } from '../../model/item-id.ts';
import type { AskStuckRequest } from '../../model/job/ask-stuck.ts';
import type { Question } from '../../model/question/question.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { ask, forPayload } from '../question/ask.ts';
import { stuckFinding } from '../question/stuck.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import { StepHistory } from '../compare/step-history.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

/** Safe to repeat: the same matter is the same question. @throws HoldfastError `storage-failed`, `not-current-run` */
export async function askStuckProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: AskStuckRequest,
): Promise<Question> {
  try {
    return await askIn(foundWorkspace(workspaces, request.workspace), host, caller, request);
  } catch (error) {
    // A person would be asked about the record by whatever the job does next; this question waits for it.
    if (!isRecordTrouble(error)) throw error;
    throw new HoldfastError('storage-failed', error.message, error.details, { cause: error });
  }
}

function foundWorkspace(workspaces: Workspaces, path: string): Workspace {
  const workspace = workspaces.find(path);
  if (workspace !== undefined) return workspace;
  throw new HoldfastError('storage-failed', `There is no ledger in ${workspaces.pathOf(path)} any more.`);
}

async function askIn(
  workspace: Workspace,
  host: ProtocolHost,
  caller: Caller,
  request: AskStuckRequest,
): Promise<Question> {
  const { jobId, stepId } = request;
  return await workspace.exclusive('ask', async (ledger) => {
    await mustBeCurrentRun(host, caller);
    const history = await StepHistory.of(ledger, jobId);
    const rerun = history.latest.filter((one) => usesOneOf(request.rerun, new Set([one.stepId])));
    const rerunSteps = history.withDependents(rerun.map((one) => one.stepId));
    const finding = stuckFinding(stepId, request, 'step-cannot-go-on', rerunSteps);
    const question = ask(ledger, workspace.secrets, {
      jobId,
      runId: caller.runId,
      stepId,
      why: `step ${stepId} cannot go on`,
      findings: [finding],
    });
    return forPayload(question);
  });
}
