/**
 * Writes archives: the record of a job that has ended, in one tar file.
 *
 * Invariants
 * 1. A file has its name only once it is durable and has been read back whole: every member, every content by its
 *    digest, the chain by its heads.
 * 2. One process at a time writes an archive: it lives by a lock beside it. So what was read back is what gets
 *    the name.
 * 3. An archive that is there is never replaced: the same job's, as far, is fine; another is `already-started`.
 */
import { closeSync } from 'node:fs';
import { hash } from 'node:crypto';
import { dirname } from 'node:path';
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import {
  ARCHIVE_VERSION,
  BLOBS_FOLDER,
  INDEX_NAME,
  JOB_NAME,
  type ArchivedJob,
  type ArchiveIndex,
} from '../../model/job/archived-job.ts';
import {
  createFile,
  linkUnlessThere,
  makeDirectory,
  syncDirectory,
  syncFileSlowly,
  tryUnlink,
  unlinkFile,
  writeWhole,
} from '../../store/durable-file.ts';
import { Life } from '../../store/life/life.ts';
import { seal } from '../../store/sealed/seal.ts';
import { TAR_END, tarHeader, tarPadding } from '../../store/tar.ts';
import { verifyArchive } from './archive-file.ts';

/** What is to be archived. */
export interface Archiving {
  readonly job: ArchivedJob;
  readonly ended: Pick<ArchiveIndex, 'endedAt' | 'outcome'>;
  readonly sizeOf: (content: Digest) => number;
  readonly stream: (content: Digest) => AsyncIterable<Uint8Array>;
}

/**
 * Writes an archive, or finds the same one there. Safe to repeat after a kill.
 * @throws HoldfastError `already-started` where another archive has the name; `ledger-damaged` for a content that is
 *   not what its digest says; `too-large`; `storage-failed`, `permission-denied`
 */
export async function writeArchive(path: string, archiving: Archiving): Promise<void> {
  makeDirectory(dirname(path), 0o700);
  const temporary = `${path}.being-written`;
  const life = soleWriter(path);
  try {
    tryUnlink(temporary);
    await writeTar(temporary, archiving);
    await verifyArchive(temporary);
    if (!linkUnlessThere(temporary, path)) await mustBeSame(path, archiving.job);
    unlinkFile(temporary);
    syncDirectory(dirname(path));
  } catch (error) {
    tryUnlink(temporary);
    throw error;
  } finally {
    life.end();
  }
}

/** While somebody else writes under the temporary name, what was read back there is not what gets the archive's. */
function soleWriter(path: string): Life {
  const life = Life.tryTake(`${path}.lock`);
  if (life !== undefined) return life;
  throw new HoldfastError('busy', `Another \`holdfast gc\` is writing the archive ${path}. Nothing was removed.`, {
    path,
    nextStep: 'That one removes the record when the archive is whole. Call `holdfast gc` again after it.',
  });
}

async function writeTar(path: string, { job, ended, sizeOf, stream }: Archiving): Promise<void> {
  const sealed = seal({ kind: 'archive', document: job as unknown as Json, writer: 'holdfast gc' });
  const members = [
    { name: JOB_NAME, sizeBytes: sealed.length, sha256: hash('sha256', sealed) },
    ...job.chain.blobs.map((sha256) => ({ name: `${BLOBS_FOLDER}${sha256}`, sizeBytes: sizeOf(sha256), sha256 })),
  ];
  const { jobId, workflowId, place } = job;
  const index: ArchiveIndex = {
    holdfast: 'archive',
    schemaVersion: ARCHIVE_VERSION,
    jobId,
    workflowId,
    ...ended,
    place,
    members,
  };
  const atMs = Date.parse(ended.endedAt);
  const file = createFile(path, 0o600);
  const put = (bytes: Uint8Array): void => writeWhole(file, bytes, path);
  try {
    const text = Buffer.from(`${canonicalJson(index as unknown as Json)}\n`);
    for (const [name, bytes] of [
      [INDEX_NAME, text],
      [JOB_NAME, sealed],
    ] as const) {
      put(tarHeader(name, bytes.length, atMs));
      put(bytes);
      put(tarPadding(bytes.length));
    }
    for (const { name, sizeBytes, sha256 } of members.slice(1)) {
      put(tarHeader(name, sizeBytes, atMs));
      for await (const chunk of stream(sha256)) put(chunk);
      put(tarPadding(sizeBytes));
    }
    put(TAR_END);
    await syncFileSlowly(file, path);
  } finally {
    closeSync(file);
  }
}

async function mustBeSame(path: string, { jobId, place }: ArchivedJob): Promise<void> {
  const found = await verifyArchive(path);
  if (found.jobId === jobId && found.place.head === place.head) return;
  throw new HoldfastError(
    'already-started',
    `There is an archive ${path} already, of ${found.jobId} up to record ${found.place.seq}. Expected none, or that ` +
      `of ${jobId} up to record ${place.seq}. Nothing was removed; move it away.`,
    { path },
  );
}
