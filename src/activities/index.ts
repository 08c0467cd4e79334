/** The Activities of a worker: thin guards around the protocol's plain functions. */
import type { ZodType } from 'zod';
import type { Activities } from '../model/job/activities.ts';
import { AskStuckRequestSchema } from '../model/job/ask-stuck.ts';
import { EditRequestSchema } from '../model/job/edit.ts';
import { BeginUndoRequestSchema, UndoStepRequestSchema } from '../model/job/undo.ts';
import { RecallRequestSchema } from '../model/job/recall.ts';
import { ReleaseRequestSchema } from '../model/job/release.ts';
import { RepairRequestSchema } from '../model/job/repair.ts';
import { RewindRequestSchema } from '../model/job/rewind.ts';
import { SubPlanOutcomeRequestSchema, type SubPlanOutcome, type SubPlanOutcomeRequest } from '../model/job/sub-plan.ts';
import { proved, provedRequest } from '../model/job/result-proof.ts';
import { RunStepRequestSchema, type RunStepRequest, type RunStepResult } from '../model/job/run-step.ts';
import { VerifyWorldRequestSchema } from '../model/job/verify-world.ts';
import type { Caller, ProtocolHost } from '../protocol/host.ts';
import { askStuckProtocol } from '../protocol/verify/ask-stuck.ts';
import { beginUndoProtocol } from '../protocol/undo/begin-undo.ts';
import { releaseProtocol } from '../protocol/end/release.ts';
import { editProtocol } from '../protocol/repair/edit.ts';
import { repairProtocol } from '../protocol/repair/repair.ts';
import { rewindProtocol } from '../protocol/repair/rewind.ts';
import { recallProtocol } from '../protocol/step/recall.ts';
import { runStepProtocol } from '../protocol/step/run-step.ts';
import { undoStepProtocol } from '../protocol/undo/undo-step.ts';
import { verifyWorldProtocol } from '../protocol/verify/verify-world.ts';
import type { Workspaces } from '../protocol/workspace/workspaces.ts';
import { asActivity, type AttemptRegister } from './as-activity.ts';

/** What the Activities of one worker share. */
export interface ActivityServices {
  readonly host: ProtocolHost;
  readonly workspaces: Workspaces;
  readonly register: AttemptRegister;
  /** How often a step is heard of. */
  readonly heartbeatIntervalMs: number;
  /** What a job has come to, asked of the server in an Activity. */
  readonly outcomeOf: (request: SubPlanOutcomeRequest) => Promise<SubPlanOutcome>;
}

type Protocol<Request, Result> = (
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: Request,
) => Promise<Result>;

export function makeActivities({
  host,
  workspaces,
  register,
  heartbeatIntervalMs,
  outcomeOf,
}: ActivityServices): Activities {
  const surroundings = { register, heartbeatIntervalMs, secrets: workspaces.secrets };
  const answered = async <Result>(
    activity: keyof Activities,
    request: Parameters<typeof asActivity>[1],
    work: (caller: Caller) => Promise<Result>,
  ): Promise<Result> => proved(provedRequest(activity, request), await asActivity(surroundings, request, work));
  // A request comes from a history: it is parsed, whatever its type says.
  const guard =
    <Request extends { readonly workspace: string }, Result>(
      activity: keyof Activities,
      schema: ZodType<Request>,
      protocol: Protocol<Request, Result>,
    ) =>
    async (request: Request): Promise<Result> =>
      await answered(activity, request, async (caller) => {
        const parsed = schema.parse(request);
        return await workspaces.using(parsed.workspace, () => protocol(host, workspaces, caller, parsed));
      });
  return {
    runStep: guard('runStep', RunStepRequestSchema, runMarked),
    recall: guard('recall', RecallRequestSchema, recallProtocol),
    verifyWorld: guard('verifyWorld', VerifyWorldRequestSchema, verifyWorldProtocol),
    repair: guard('repair', RepairRequestSchema, repairProtocol),
    rewind: guard('rewind', RewindRequestSchema, rewindProtocol),
    edit: guard('edit', EditRequestSchema, editProtocol),
    release: guard('release', ReleaseRequestSchema, releaseProtocol),
    askStuck: guard('askStuck', AskStuckRequestSchema, askStuckProtocol),
    beginUndo: guard('beginUndo', BeginUndoRequestSchema, beginUndoProtocol),
    undoStep: guard('undoStep', UndoStepRequestSchema, undoStepProtocol),
    subPlanOutcome: async (request) =>
      await answered('subPlanOutcome', request, async () => {
        const parsed = SubPlanOutcomeRequestSchema.parse(request);
        return await outcomeOf(parsed);
      }),
    workerAnswers: () => Promise.resolve(),
  };
}

/** What the Workflow's state was when it requested the step goes back to it. */
const runMarked: Protocol<RunStepRequest, RunStepResult> = async (host, workspaces, caller, request) => {
  const result = await runStepProtocol(host, workspaces, caller, request);
  const { stateMark } = request;
  return result.kind === 'done' && stateMark !== undefined ? { ...result, stateMark } : result;
};
