/** The record that a resumed job goes on with, as its Workflow is told it. */
import { doneText } from '../../model/record/effects-text.ts';
import { pathTo } from '../../model/checkpoint/state-at.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { MAX_TOLD_CHECKPOINTS, MAX_TOLD_STEPS, type Resumed } from '../../model/job/resume.ts';
import { isPartOf, requestedStepOf } from '../../model/sub-step-id.ts';
import { invariant } from '../../model/invariant.ts';
import { putInsInForce } from '../compare/put-ins.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/** How a checkpoint's digest begins: what `RecordedCheckpoints` compares. */
const DIGITS = 16;

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
  const generations: Record<string, number> = {};
  const steps = new Map<string, Resumed['steps'][number]>();
  const chain = Array.from(ledger.records(jobId, 0), ({ record }) => record).filter(({ seq }) => seq <= upTo);
  for (const record of chain) {
    if (record.kind === 'decision')
      for (const { stepId, generation } of record.reruns) {
        generations[stepId] = Math.max(generation, generations[stepId] ?? 0);
        for (const id of steps.keys()) if (isPartOf(id, stepId)) steps.delete(id);
      }
    if (record.kind !== 'step' || requestedStepOf(record.stepId) !== record.stepId) continue;
    steps.delete(record.stepId);
    steps.set(record.stepId, [record.stepId, record.step, record.generation, doneText(record)]);
  }
  return {
    generations,
    checkpoints: recordedCheckpoints(ledger, jobId, upTo),
    steps: [...steps.values()].slice(-MAX_TOLD_STEPS),
    putIns: putInsInForce(chain),
  };
}

function recordedCheckpoints(ledger: Ledger, jobId: string, upTo: number): Resumed['checkpoints'] {
  const all = ledger.checkpoints(jobId, upTo);
  const last = all.at(-1);
  if (last === undefined) return [];
  return pathTo(all, last)
    .map(({ seq, digest }, place): [number, number, string] => [place, seq, digest.slice(0, DIGITS)])
    .slice(-MAX_TOLD_CHECKPOINTS);
}
