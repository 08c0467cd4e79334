/** The record that a resumed job goes on with, as its Workflow is told it. */
import { recordedPath } from '../../model/checkpoint/recorded-path.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Resumed } from '../../model/job/resume.ts';
import { toldGenerations } from '../../model/job/told-generations.ts';
import { invariant } from '../../model/invariant.ts';
import { putInsInForce } from '../compare/put-ins.ts';
import { StepHistory } from '../compare/step-history.ts';
import { requestedSteps, toldSteps } from '../compare/told-steps.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

export interface ResumedPlace {
  readonly kind: 'resumed';
  readonly at: ChainPlace;
  /** The Run that had it last: what it had half applied is finished as this one's. */
  readonly lastRunId: string;
}

export function resumedPlace(ledger: Ledger, jobId: string): ResumedPlace {
  const job = ledger.job(jobId);
  invariant(job !== undefined, `the record of ${jobId} is there`);
  return { kind: 'resumed', at: job.at, lastRunId: job.runId };
}

/** Bounded. */
export function resumedRecord(ledger: Ledger, jobId: string, upTo: number): Resumed {
  const chain = Array.from(ledger.records(jobId, 0), ({ record }) => record).filter(({ seq }) => seq <= upTo);
  const generations: Record<string, number> = {};
  for (const record of chain)
    if (record.kind === 'decision')
      for (const { stepId, generation } of record.reruns)
        generations[stepId] = Math.max(generation, generations[stepId] ?? 0);
  const checkpoints = chain.filter((record) => record.kind === 'checkpoint');
  const last = checkpoints.at(-1);
  return {
    // The latest first: earlier ones have run since, as far as they will.
    generations: toldGenerations(Object.entries(generations).reverse()),
    checkpoints: last === undefined ? [] : recordedPath(checkpoints, last),
    steps: toldSteps(requestedSteps(new StepHistory(chain))),
    putIns: putInsInForce(chain),
  };
}
