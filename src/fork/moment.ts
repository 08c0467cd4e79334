/** A job at one of its checkpoints, as its record tells it: what was there, what is done, what came after. Pure. */
import { noCheckpoint } from '../model/checkpoint/no-checkpoint.ts';
import { recordedPath } from '../model/checkpoint/recorded-path.ts';
import { defined } from '../model/defined.ts';
import type { Digest } from '../model/digest.ts';
import { HoldfastError } from '../model/failure.ts';
import { everyItemOf, itemPlaceOf, planStepOf } from '../model/item-id.ts';
import type { Fork } from '../model/job/fork.ts';
import { toldGenerations } from '../model/job/told-generations.ts';
import { foldManifest, type ManifestEntry } from '../model/record/manifest.ts';
import type { ChainRecord, CheckpointRecord } from '../model/record/record.ts';
import { shellWord } from '../model/shell-word.ts';
import { putInsInForce } from '../protocol/compare/put-ins.ts';
import { StepHistory } from '../protocol/compare/step-history.ts';
import { requestedSteps, toldSteps } from '../protocol/compare/told-steps.ts';

/** A record as it is hashed into the chain. */
export interface ChainText {
  readonly record: ChainRecord;
  readonly text: string;
  readonly head: Digest;
}

export interface Moment {
  readonly jobId: string;
  readonly workflowId: string;
  readonly checkpoint: CheckpointRecord;
  /** The chain up to the checkpoint. */
  readonly chain: readonly ChainText[];
  /** What was recorded after it. */
  readonly later: readonly ChainRecord[];
  /** What the world was to look like then. */
  readonly manifest: ReadonlyMap<string, ManifestEntry>;
}

/** @throws HoldfastError `not-found`: there is no such checkpoint; `bad-input`: it is another job's */
export function momentOf(
  { jobId, workflowId }: Pick<Moment, 'jobId' | 'workflowId'>,
  records: readonly ChainText[],
  at: number,
): Moment {
  const checkpoint = records.find(({ record }) => record.seq === at)?.record;
  if (checkpoint?.kind !== 'checkpoint') {
    const all = records.flatMap(({ record }) => (record.kind === 'checkpoint' ? [record.seq] : []));
    throw noCheckpoint(workflowId, all, at);
  }
  const origin = records.find(({ record }) => record.kind === 'forked')?.record;
  if (origin?.kind === 'forked' && at < origin.seq)
    throw new HoldfastError(
      'bad-input',
      `Checkpoint ${at} of ${workflowId} is one of ${origin.from.workflowId}, which it is a fork of.`,
      { nextStep: `Fork that one: holdfast fork ${shellWord(origin.from.workflowId)} --at ${at}` },
    );
  const chain = records.filter(({ record }) => record.seq <= at);
  const manifest = new Map<string, ManifestEntry>();
  for (const { record } of chain) foldManifest(manifest, record);
  const later = records.slice(chain.length).map(({ record }) => record);
  return { jobId, workflowId, checkpoint, chain, later, manifest };
}

type Known = Pick<Fork, 'generations' | 'done' | 'results' | 'steps' | 'recorded' | 'checkpoint' | 'edits'>;

/** What the fork's Workflow knows of it from its beginning. */
export function knownAt({ chain, checkpoint }: Moment): Known {
  const records = chain.map(({ record }) => record);
  const requested = requestedSteps(new StepHistory(records));
  const edits = putInsInForce(records);
  const checkpoints = records.filter((record) => record.kind === 'checkpoint');
  return {
    generations: toldGenerations(Object.entries(generationsIn(records)).reverse()),
    done: [...new Set(requested.map(({ stepId }) => knownAs(stepId)))],
    results: requested.length,
    steps: toldSteps(requested),
    recorded: recordedPath(checkpoints, checkpoint),
    ...defined({ edits: Object.keys(edits).length === 0 ? undefined : edits }),
    checkpoint: { parent: checkpoint.digest, step: checkpoint.step, next: checkpoint.next },
  };
}

/** A thousand items of a list as one word. */
function knownAs(stepId: string): string {
  return itemPlaceOf(stepId) === undefined ? stepId : everyItemOf(planStepOf(stepId));
}

/** Those that are not the first. */
function generationsIn(records: readonly ChainRecord[]): Record<string, number> {
  const generations: Record<string, number> = {};
  const note = (stepId: string, generation: number): void => {
    if (generation > (generations[stepId] ?? 0)) generations[stepId] = generation;
  };
  for (const record of records) {
    if (record.kind === 'step') note(record.stepId, record.generation);
    if (record.kind === 'decision') for (const { stepId, generation } of record.reruns) note(stepId, generation);
  }
  return generations;
}
