/** What a rewind would do, from the record alone. */
import { defined } from '../../model/defined.ts';
import type { RewindPreview, UndoneRewind } from '../../model/job/rewind.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { WhatStays } from '../question/what-stays.ts';
import { planReinstate, type ReinstatePlan } from '../repair/reinstate-plan.ts';
import { planRewind } from '../repair/rewind-plan.ts';
import { previewUndo } from './undo-preview.ts';

interface Job {
  readonly jobId: string;
}

/** What is asked: back to a checkpoint, or the undoing of the latest rewind. */
export type AskedRewind = { readonly to: number } | { readonly undo: true };

/** @param compare looks at the world. @throws HoldfastError as `planRewind` */
export async function previewRewind(
  ledger: Ledger,
  { jobId }: Job,
  asked: AskedRewind,
  compare: () => Promise<{ readonly findings: readonly Finding[] }>,
): Promise<RewindPreview> {
  const plan = 'to' in asked ? await planRewind(ledger, jobId, asked.to) : await planReinstate(ledger, jobId);
  const reinstating = 'reinstated' in plan ? plan : undefined;
  const { steps, checkpoint } = plan;
  const records = 'reinstated' in plan ? plan.takenBack : plan.records;
  const undoes = records.map(({ stepId, step, generation, seq }) =>
    previewUndo(ledger, jobId, { stepId, step, generation, seq, skip: [], compensates: false }, new Map()),
  );
  const changed = new Set([...undoes.flatMap((one) => one.undoes), ...(reinstating?.wanted.keys() ?? [])]);
  const { findings } = await compare();
  const stays = new WhatStays(ledger, jobId);
  const again = new Set(reinstating?.reinstated.map(({ stepId }) => stepId));
  return {
    to: checkpoint.seq,
    runsAgain: steps.filter((stepId) => !again.has(stepId)),
    undoes,
    callsKept: stays.calls(steps),
    statements: stays.statements(steps),
    differs: findings.map(({ resource }) => resource).filter((one) => changed.has(one)),
    ...defined({ undoesRewind: reinstating && undoneRewind(reinstating) }),
  };
}

function undoneRewind({ rewind: { seq, by, reason }, reinstated, wanted }: ReinstatePlan): UndoneRewind {
  const statements = reinstated.flatMap(({ effects }) =>
    effects.flatMap(({ effect }) =>
      effect.kind === 'sql' && effect.undo !== undefined ? [describeEffect(effect)] : [],
    ),
  );
  const steps = reinstated.map(({ stepId }) => stepId).filter((stepId) => requestedStepOf(stepId) === stepId);
  return { seq, by, reason, reinstates: steps, puts: [...wanted.keys(), ...statements] };
}
