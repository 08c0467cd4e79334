/**
 * What a job was at one of its checkpoints, from its record alone: the state's values, what came next, what ran, and
 * what the world was to look like. It needs neither a server nor a worker, and the job may have ended.
 */
import type { JsonObject } from '../model/canonical-json.ts';
import { noCheckpoint } from '../model/checkpoint/no-checkpoint.ts';
import { pathTo, stateAfter } from '../model/checkpoint/state-at.ts';
import { foldManifest, type ManifestEntry } from '../model/record/manifest.ts';
import type { CheckpointRecord } from '../model/record/record.ts';
import type { InspectedJob, WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import { assertSound } from './job-changes.ts';

/** A job at one of its checkpoints. */
export interface JobState {
  /** The folder, as an absolute path. */
  readonly workspace: string;
  /** The job itself. */
  readonly job: InspectedJob;
  /** The record of the checkpoint. */
  readonly checkpoint: CheckpointRecord;
  /** The state: channel → value. */
  readonly values: JsonObject;
  /** Every resource that the record knew then, as it was to look, by its name. */
  readonly manifest: readonly ManifestEntry[];
}

/**
 * @param at the checkpoint's number. Default: the latest
 * @throws HoldfastError `not-found`: there is no such checkpoint, or none at all; `ledger-damaged`
 */
export function jobStateAt(inspection: WorkspaceInspection, job: InspectedJob, at?: number): JobState {
  assertSound(inspection, job);
  const all = inspection.checkpoints(job.jobId);
  const place = at === undefined ? all.length - 1 : all.findIndex(({ seq }) => seq === at);
  const checkpoint = all[place];
  if (checkpoint === undefined)
    throw noCheckpoint(
      job.workflowId,
      all.map(({ seq }) => seq),
      at,
    );
  const manifest = new Map<string, ManifestEntry>();
  for (const { record } of inspection.chain(job.jobId)) {
    if (record.seq > checkpoint.seq) break;
    foldManifest(manifest, record);
  }
  return {
    workspace: inspection.root,
    job,
    checkpoint,
    values: stateAfter(pathTo(all, checkpoint)),
    manifest: [...manifest.values()].sort((a, b) => (a.resource < b.resource ? -1 : 1)),
  };
}
