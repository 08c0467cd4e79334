/**
 * What a rewind takes back: every step that has a record in force after the checkpoint, and whatever is in flight.
 * Reads only.
 *
 * Invariant: a job can go back only to a checkpoint whose steps are all in force still, as they were: then what is left
 * in the record is what was there, and the world that goes with it.
 */
import { noCheckpoint } from '../../model/checkpoint/no-checkpoint.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ChainRecord, CheckpointRecord, StepRecord } from '../../model/record/record.ts';
import { shellWord } from '../../model/shell-word.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { StepHistory } from '../compare/step-history.ts';

const MAX_STEPS_NAMED = 5;

export interface RewindPlan {
  readonly checkpoint: CheckpointRecord;
  /** What runs again: those with a record first, in chain order. */
  readonly steps: readonly string[];
  /** What is undone, newest first; sub-steps have records of their own. */
  readonly records: readonly StepRecord[];
}

/**
 * @param to the number of a checkpoint
 * @throws HoldfastError `not-found`: there is no such checkpoint; `bad-input`: it can't be gone back to
 */
export async function planRewind(ledger: Ledger, jobId: string, to: number): Promise<RewindPlan> {
  const checkpoints = ledger.checkpoints(jobId, Number.MAX_SAFE_INTEGER);
  const checkpoint = checkpoints.find(({ seq }) => seq === to);
  if (checkpoint === undefined) {
    const workflowId = ledger.job(jobId)?.workflowId ?? jobId;
    throw noCheckpoint(
      workflowId,
      checkpoints.map(({ seq }) => seq),
      to,
    );
  }
  const records: ChainRecord[] = [];
  await ledger.visitRecords(jobId, 0, ({ record }) => void records.push(record));
  mustBeOwn(records, to);
  const now = new StepHistory(records);
  mustBeInForce(records, now, to, checkpoints);
  const recorded = now.latest.filter(({ seq }) => seq > to);
  const claimed = ledger.openClaims(jobId);
  const begun = ledger.openIntents(jobId).map(({ intent }) => intent);
  const steps = [...new Set([...recorded, ...begun, ...claimed].map(({ stepId }) => requestedStepOf(stepId)))];
  if (steps.length > 0) return { checkpoint, steps, records: recorded.toReversed() };
  throw new HoldfastError('bad-input', `Nothing lies after checkpoint ${to}: no step has run or begun since.`);
}

/** What a fork has of another job it has not done. */
function mustBeOwn(records: readonly ChainRecord[], to: number): void {
  const origin = records.find(({ kind }) => kind === 'forked');
  if (origin?.kind !== 'forked' || to > origin.seq) return;
  const { workflowId } = origin.from;
  throw new HoldfastError(
    'bad-input',
    `Checkpoint ${to} is one of ${workflowId}, which this job is a fork of. Fork that one: ` +
      `holdfast fork ${shellWord(workflowId)} --at ${to}`,
  );
}

/** Have steps run again since that were done at the checkpoint? */
export function mustBeInForce(
  records: readonly ChainRecord[],
  now: StepHistory,
  to: number,
  checkpoints: readonly CheckpointRecord[],
): void {
  const inForce = new Set(now.latest.map(({ seq }) => seq));
  const then = new StepHistory(records.filter(({ seq }) => seq <= to)).latest;
  const gone = then.filter(({ seq }) => !inForce.has(seq));
  const [first] = gone;
  if (first === undefined) return;
  const named = [...new Set(gone.map(({ stepId }) => requestedStepOf(stepId)))];
  const shown = named.slice(0, MAX_STEPS_NAMED).join(', ');
  const more = named.length > MAX_STEPS_NAMED ? ` and ${named.length - MAX_STEPS_NAMED} more` : '';
  const before = checkpoints.findLast(({ seq }) => seq < first.seq);
  const instead = before === undefined ? '' : ` The newest checkpoint before them is ${before.seq}.`;
  throw new HoldfastError(
    'bad-input',
    `The job can't go back to checkpoint ${to}: what ${shown}${more} had done then was taken back since, and ` +
      `they run again, or did.${instead}`,
  );
}
