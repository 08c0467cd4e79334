/**
 * Puts to a person what no Activity found: a plan's step that can't be given its input, or an output that doesn't fit
 * the state.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { AskStuckRequest } from '../../model/job/ask-stuck.ts';
import type { Question } from '../../model/question/question.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { ask, forPayload } from '../question/ask.ts';
import { stuckFinding } from '../question/stuck.ts';
import { StepHistory } from '../compare/step-history.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

/** Safe to repeat: the same matter is the same question. @throws HoldfastError `storage-failed`, `not-current-run` */
export async function askStuckProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: AskStuckRequest,
): Promise<Question> {
  const { jobId, stepId } = request;
  const workspace = workspaces.find(request.workspace);
  if (workspace === undefined)
    throw new HoldfastError(
      'storage-failed',
      `There is no ledger in ${workspaces.pathOf(request.workspace)} any more.`,
    );
  return await workspace.exclusive('ask', async (ledger) => {
    await mustBeCurrentRun(host, caller);
    const history = await StepHistory.of(ledger, jobId);
    const rerunSteps = history.withDependents(request.rerun.filter((one) => history.record(one) !== undefined));
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
