/** The intent of an undoing: what the step's own compensation staged, then what is put back by itself. */
import type { UndoStepRequest } from '../../model/job/undo.ts';
import type { Undoes } from '../../model/record/intent.ts';
import { makeIntent } from '../commit/seal.ts';
import type { ProtocolHost } from '../host.ts';
import { performedCalls } from '../step/performed-calls.ts';
import type { DraftTools, SealableDraft } from '../step/step-work.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Inverse } from './inverse/inverse.ts';
import type { UndoneStep } from './undone-step.ts';

export interface UndoDraftSite {
  readonly host: ProtocolHost;
  readonly workspace: Workspace;
  readonly request: UndoStepRequest;
}

/** Reads what sealing needs of the world; writes nothing. @throws MustVerify, InDoubt, HoldfastError */
export async function undoDraft(
  { host, workspace, request }: UndoDraftSite,
  { settings, claim, stage }: DraftTools,
  undone: UndoneStep,
  { files, changes, notUndone, notes, settled }: Inverse,
): Promise<SealableDraft> {
  const { stepId, step, generation, seq } = request;
  const performed = performedCalls(claim, stage);
  const own = await makeIntent({ workspace, settings, claim, stage, step, output: null, performed });
  const effects = [...own.effects, ...files, ...changes];
  workspace.files.refuseSameTargets(effects.filter((effect) => 'path' in effect));
  const undoes: Undoes = {
    stepId,
    generation,
    token: undone.token,
    seq,
    left: [...notUndone],
    notes: [...notes],
    settled: [...settled],
  };
  const version = host.steps.get(step)?.version ?? undone.record?.version ?? '';
  return { intent: { ...own, effects, undoes }, details: { version, uses: null, logs: stage.logs } };
}
