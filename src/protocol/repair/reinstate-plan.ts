/**
 * What undoing a rewind puts back: every step that was in force before it and lay after its checkpoint, with what the
 * record had of files and rows then. Reads only.
 *
 * Invariant: it follows from the chain alone, so that a repair that was killed plans the same again.
 */
import { HoldfastError } from '../../model/failure.ts';
import { isToApply, uriOf } from '../../model/record/effect.ts';
import { foldManifest, type ManifestEntry } from '../../model/record/manifest.ts';
import type { PutIn } from '../../model/record/put-in.ts';
import { putInsOf } from '../compare/put-ins.ts';
import type { ChainRecord, CheckpointRecord, DecisionRecord, StepRecord } from '../../model/record/record.ts';
import { ABSENT, type ResourceState } from '../../model/record/world.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { StepHistory } from '../compare/step-history.ts';
import { mustBeInForce } from './rewind-plan.ts';

export interface ReinstatePlan {
  /** The rewind that is undone, or the undoing of one. */
  readonly rewind: DecisionRecord;
  /** The checkpoint that both go on from. */
  readonly checkpoint: CheckpointRecord;
  /** What gets a new generation: what has run since, and what counts again; in chain order. */
  readonly steps: readonly string[];
  /** What has run since and is taken back, newest first. */
  readonly takenBack: readonly StepRecord[];
  /** What counts again, in chain order. */
  readonly reinstated: readonly StepRecord[];
  /** What people had put in by hand for those, by step. */
  readonly putIns: Record<string, PutIn>;
  /** Of each resource that either of them changes, what it shall show. */
  readonly wanted: ReadonlyMap<string, ResourceState>;
  /** The manifest before the rewind. */
  readonly before: ReadonlyMap<string, ManifestEntry>;
}

/**
 * @param undoes the number of the rewind's record. Default: the latest one
 * @throws HoldfastError `bad-input`: there is none, or it can't be undone
 */
export async function planReinstate(ledger: Ledger, jobId: string, undoes?: number): Promise<ReinstatePlan> {
  const records: ChainRecord[] = [];
  await ledger.visitRecords(jobId, 0, ({ record }) => void records.push(record));
  const rewind = rewindOf(records, undoes);
  const to = rewind.rewindsTo!;
  const checkpoints = records.filter((record) => record.kind === 'checkpoint');
  const checkpoint = checkpoints.find(({ seq }) => seq === to);
  if (checkpoint === undefined)
    throw new HoldfastError('ledger-damaged', `Record ${rewind.seq} goes back to ${to}, which is no checkpoint.`);
  const now = new StepHistory(records);
  mustBeInForce(records, now, to, checkpoints);
  const earlier = records.filter(({ seq }) => seq < rewind.seq);
  const since = now.latest.filter(({ seq }) => seq > to);
  const reinstated = new StepHistory(earlier).latest.filter(({ seq }) => seq > to);
  if (reinstated.length === 0)
    throw new HoldfastError(
      'bad-input',
      `Nothing can be put back: no step had a result that record ${rewind.seq} (${rewind.by}) took away.`,
    );
  const before = new Map<string, ManifestEntry>();
  for (const record of earlier) foldManifest(before, record);
  const inFlight = [...ledger.openIntents(jobId).map(({ intent }) => intent), ...ledger.openClaims(jobId)];
  const stepIds = [...reinstated, ...since, ...inFlight].map(({ stepId }) => requestedStepOf(stepId));
  return {
    rewind,
    checkpoint,
    steps: [...new Set(stepIds)],
    takenBack: since.toReversed(),
    reinstated,
    putIns: putInsOf(earlier, reinstated),
    wanted: wantedOf(since, reinstated, before),
    before,
  };
}

function rewindOf(records: readonly ChainRecord[], undoes: number | undefined): DecisionRecord {
  const rewinds = records.filter((record) => record.kind === 'decision').filter((one) => one.rewindsTo !== undefined);
  const rewind = undoes === undefined ? rewinds.at(-1) : rewinds.find(({ seq }) => seq === undoes);
  if (rewind === undefined)
    throw new HoldfastError('bad-input', 'There is nothing to undo: the job was never taken back to a checkpoint.');
  return rewind;
}

/** What only a step since has changed, and the record did not know before, goes back to what that step found. */
function wantedOf(
  since: readonly StepRecord[],
  reinstated: readonly StepRecord[],
  before: ReadonlyMap<string, ManifestEntry>,
): ReadonlyMap<string, ResourceState> {
  const wanted = new Map<string, ResourceState>();
  for (const { effects } of [...since, ...reinstated])
    for (const { effect, outcome } of effects) {
      const uri = uriOf(effect);
      if (uri === undefined || outcome !== 'applied' || !isToApply(effect) || wanted.has(uri)) continue;
      const found = 'before' in effect ? effect.before : ABSENT;
      wanted.set(uri, before.get(uri)?.state ?? found);
    }
  return wanted;
}
