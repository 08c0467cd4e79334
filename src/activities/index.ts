/** The Activities of a worker: thin guards around the protocol's plain functions. */
import type { Activities } from '../model/job/activities.ts';
import { AskStuckRequestSchema } from '../model/job/ask-stuck.ts';
import { BeginUndoRequestSchema, UndoStepRequestSchema } from '../model/job/undo.ts';
import { ReleaseRequestSchema } from '../model/job/release.ts';
import { RepairRequestSchema } from '../model/job/repair.ts';
import { RunStepRequestSchema } from '../model/job/run-step.ts';
import { VerifyWorldRequestSchema } from '../model/job/verify-world.ts';
import { asActivity, type AttemptRegister } from './activity-caller.ts';
import type { ProtocolHost } from '../protocol/host.ts';
import { askStuckProtocol } from '../protocol/verify/ask-stuck.ts';
import { beginUndoProtocol } from '../protocol/undo/begin-undo.ts';
import { releaseProtocol } from '../protocol/end/release.ts';
import { repairProtocol } from '../protocol/repair/repair.ts';
import { runStepProtocol } from '../protocol/step/run-step.ts';
import { undoStepProtocol } from '../protocol/undo/undo-step.ts';
import { verifyWorldProtocol } from '../protocol/verify/verify-world.ts';
import type { Workspaces } from '../protocol/workspace/workspaces.ts';

export interface ActivityParts {
  readonly host: ProtocolHost;
  readonly workspaces: Workspaces;
  readonly register: AttemptRegister;
}

export function makeActivities({ host, workspaces, register }: ActivityParts): Activities {
  const { secrets } = workspaces;
  return {
    runStep: (request) =>
      asActivity({ register, secrets }, (caller) =>
        runStepProtocol(host, workspaces, caller, RunStepRequestSchema.parse(request)),
      ),
    verifyWorld: (request) =>
      asActivity({ register, secrets }, (caller) =>
        verifyWorldProtocol(host, workspaces, caller, VerifyWorldRequestSchema.parse(request)),
      ),
    repair: (request) =>
      asActivity({ register, secrets }, (caller) =>
        repairProtocol(host, workspaces, caller, RepairRequestSchema.parse(request)),
      ),
    release: (request) =>
      asActivity({ register, secrets }, (caller) =>
        releaseProtocol(host, workspaces, caller, ReleaseRequestSchema.parse(request)),
      ),
    askStuck: (request) =>
      asActivity({ register, secrets }, (caller) =>
        askStuckProtocol(host, workspaces, caller, AskStuckRequestSchema.parse(request)),
      ),
    beginUndo: (request) =>
      asActivity({ register, secrets }, (caller) =>
        beginUndoProtocol(host, workspaces, caller, BeginUndoRequestSchema.parse(request)),
      ),
    undoStep: (request) =>
      asActivity({ register, secrets }, (caller) =>
        undoStepProtocol(host, workspaces, caller, UndoStepRequestSchema.parse(request)),
      ),
  };
}
