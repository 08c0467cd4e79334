/** What a rewind would do, from the record alone. */
import { endedJob } from '../../model/job/ended-job.ts';
import type { RewindPreview } from '../../model/job/rewind.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { WhatStays } from '../question/what-stays.ts';
import { planRewind } from '../repair/rewind-plan.ts';
import { previewUndo } from './undo-preview.ts';

interface Job {
  readonly jobId: string;
  readonly workflowId: string;
  /** As the workspace knows it. */
  readonly state: string;
}

/** @param compare looks at the world. @throws HoldfastError `bad-input`: the job has ended; and as `planRewind` */
export async function previewRewind(
  ledger: Ledger,
  { jobId, workflowId, state }: Job,
  to: number,
  compare: () => Promise<{ readonly findings: readonly Finding[] }>,
): Promise<RewindPreview> {
  if (state !== 'open') throw endedJob(workflowId, state);
  const { steps, records } = await planRewind(ledger, jobId, to);
  const undoes = records.map(({ stepId, step, generation, seq }) =>
    previewUndo(ledger, jobId, { stepId, step, generation, seq, skip: [], compensates: false }, new Map()),
  );
  const undone = new Set(undoes.flatMap((one) => one.undoes));
  const { findings } = await compare();
  const stays = new WhatStays(ledger, jobId);
  return {
    to,
    runsAgain: [...steps],
    undoes,
    callsKept: stays.calls(steps),
    statements: stays.statements(steps),
    differs: findings.map(({ resource }) => resource).filter((one) => undone.has(one)),
  };
}
