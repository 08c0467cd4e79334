/**
 * A job that has ended, as an archive keeps it: a tar with `index.json`, for people and other programs, `job.sealed`
 * with the whole chain, and `blobs/DIGEST` for each content that is not small.
 */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';
import { ChainPlaceSchema } from './chain-place.ts';
import { ChainPartSchema } from './sealed-checkpoint.ts';
import { JobSettingsSchema } from './settings.ts';

export const INDEX_NAME = 'index.json';
export const JOB_NAME = 'job.sealed';
export const BLOBS_FOLDER = 'blobs/';

/** What is sealed in `job.sealed`. */
export const ArchivedJobSchema = z.strictObject({
  jobId: z.string(),
  workflowId: z.string(),
  settings: JobSettingsSchema,
  /** The chain's end. */
  place: ChainPlaceSchema,
  /** All of it, from its beginning. */
  chain: ChainPartSchema,
});
export type ArchivedJob = z.infer<typeof ArchivedJobSchema>;

export const ArchiveIndexSchema = z.strictObject({
  holdfast: z.literal('archive'),
  schemaVersion: z.int(),
  jobId: z.string(),
  workflowId: z.string(),
  /** When the job ended, as ISO 8601 in UTC. */
  endedAt: z.string(),
  outcome: z.string(),
  place: ChainPlaceSchema,
  /** What else is in the tar. */
  members: z.array(z.strictObject({ name: z.string(), sizeBytes: z.int(), sha256: DigestSchema })),
});
export type ArchiveIndex = z.infer<typeof ArchiveIndexSchema>;

export const ARCHIVE_VERSION = 1;
