/**
 * Reads archives: the record of a job that has ended, in one tar file.
 *
 * Invariant: nothing of a damaged archive is used.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { hash } from 'node:crypto';
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { issuesText } from '../../model/issues-text.ts';
import {
  ARCHIVE_VERSION,
  ArchivedJobSchema,
  ArchiveIndexSchema,
  BLOBS_FOLDER,
  INDEX_NAME,
  JOB_NAME,
  type ArchivedJob,
  type ArchiveIndex,
} from '../../model/job/archived-job.ts';
import { hashChunks } from '../../store/chunks.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { openSealed } from '../../store/sealed/open.ts';
import { OtherTar, TarDamage, tarContent, tarMembers, type TarMember } from '../../store/tar.ts';
import { provedChain, type StoredJob } from '../checkpoint/load-job.ts';

/** An archive that is open. */
export interface OpenArchive {
  readonly index: ArchiveIndex;
  readonly job: ArchivedJob;
  /** As a store would tell it. */
  readonly stored: StoredJob;
  /** A content, unverified: whoever reads it to its end compares it. @throws HoldfastError `not-found` */
  content(digest: Digest): AsyncIterable<Buffer>;
  close(): void;
}

/**
 * Opens an archive: its members, its index and the chain in it are verified.
 * @throws HoldfastError `checkpoint-damaged` (cut short, altered), `unknown-format` (of another kind, or newer),
 *   `not-found`, `permission-denied`
 */
export function openArchive(path: string): OpenArchive {
  const file = opened(path);
  try {
    const members = new Map(membersOf(file, path).map((member) => [member.name, member]));
    const index = indexOf(file, path, members.get(INDEX_NAME));
    const sealed = sealedJobOf(file, path, members.get(JOB_NAME));
    const job = jobOf(sealed, path);
    mustFit(path, { index, job, members });
    const { jobId, workflowId, place, chain } = job;
    const checkpoint = { jobId, workflowId, place } as StoredJob['checkpoint'];
    const proved = provedChain(path, place, [chain]);
    mustBeIndexed(path, index, { job, chain: proved, sealed });
    return {
      index,
      job,
      stored: { checkpoint, parts: [chain], chain: proved },
      content: (digest) => contentOf(file, path, members.get(`${BLOBS_FOLDER}${digest}`), digest),
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error instanceof TarDamage ? damaged(path, error.message, error.damageAt) : error;
  }
}

/** Reads all of it. @throws HoldfastError as `openArchive`, naming the content */
export async function verifyArchive(path: string): Promise<ArchiveIndex> {
  const archive = openArchive(path);
  try {
    for (const { name, sha256 } of archive.index.members.slice(1)) {
      const { content } = await hashChunks(archive.content(sha256));
      if (content !== sha256) throw damaged(path, `${name} now has the digest ${content}`);
    }
    return archive.index;
  } finally {
    archive.close();
  }
}

function opened(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new HoldfastError('not-found', `There is no archive ${path}.`, { path });
    throw storageError('open', path, error);
  }
}

function membersOf(file: number, path: string): readonly TarMember[] {
  try {
    return tarMembers(file, path, INDEX_NAME);
  } catch (error) {
    if (!(error instanceof OtherTar)) throw error;
    throw unknown(path, `expected ${INDEX_NAME} as its first file, found ${error.first}`);
  }
}

function indexOf(file: number, path: string, member: TarMember | undefined): ArchiveIndex {
  let value: unknown;
  try {
    const text = bytesOf(file, path, member!).toString('utf8');
    value = JSON.parse(text);
    if (text !== `${canonicalJson(value as Json)}\n`) throw new Error('it is not as it was written');
  } catch (error) {
    throw damaged(path, `${INDEX_NAME} can't be read: ${(error as Error).message}`);
  }
  const { holdfast, schemaVersion } = (value ?? {}) as {
    readonly holdfast?: unknown;
    readonly schemaVersion?: unknown;
  };
  if (holdfast !== 'archive') throw unknown(path, `its ${INDEX_NAME} is that of something else`);
  if (schemaVersion !== ARCHIVE_VERSION)
    throw unknown(path, `it has version ${String(schemaVersion)}, and this release reads ${ARCHIVE_VERSION}`);
  const parsed = ArchiveIndexSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw damaged(path, `${INDEX_NAME}: ${issuesText(parsed.error.issues)}`);
}

function sealedJobOf(file: number, path: string, member: TarMember | undefined): Buffer {
  if (member === undefined) throw damaged(path, `it has no ${JOB_NAME}`);
  return bytesOf(file, path, member);
}

function jobOf(sealed: Buffer, path: string): ArchivedJob {
  const { document } = openSealed(sealed, { kind: 'archive', place: `${JOB_NAME} in ${path}` });
  const parsed = ArchivedJobSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw damaged(path, `${JOB_NAME}: ${issuesText(parsed.error.issues)}`);
}

interface Read {
  readonly index: ArchiveIndex;
  readonly job: ArchivedJob;
  readonly members: ReadonlyMap<string, TarMember>;
}

/** The index, the job and what is in the tar tell the same. */
function mustFit(path: string, { index, job, members }: Read): void {
  const told = canonicalJson([index.jobId, index.workflowId, index.place]);
  if (told !== canonicalJson([job.jobId, job.workflowId, job.place]))
    throw damaged(path, `${INDEX_NAME} and ${JOB_NAME} are of two jobs, or of one at two places`);
  const named = new Map(index.members.map(({ name, sizeBytes }) => [name, sizeBytes]));
  const wanted = [JOB_NAME, ...job.chain.blobs.map((digest) => `${BLOBS_FOLDER}${digest}`)];
  for (const name of wanted)
    if (members.get(name) === undefined || named.get(name) !== members.get(name)!.sizeBytes)
      throw damaged(path, `${name} is missing, or not as large as ${INDEX_NAME} says`);
  const strange = [...members.keys()].find((name) => name !== INDEX_NAME && !wanted.includes(name));
  if (strange !== undefined) throw damaged(path, `it has ${strange}, which no job knows`);
}

async function* contentOf(
  file: number,
  path: string,
  member: TarMember | undefined,
  digest: Digest,
): AsyncGenerator<Buffer> {
  if (member === undefined)
    throw new HoldfastError('not-found', `The archive ${path} has no content ${digest}.`, { path, digest });
  yield* tarContent(file, path, member);
}

/** Every word of the index follows from the job: whoever reads it alone is told nothing else. */
function mustBeIndexed(
  path: string,
  index: ArchiveIndex,
  { job, chain, sealed }: Pick<Read, 'job'> & Pick<StoredJob, 'chain'> & { readonly sealed: Buffer },
): void {
  const end = chain.findLast(({ record }) => record.kind === 'released')?.record;
  const isEnd = end?.kind === 'released' && index.endedAt === end.at && index.outcome === end.outcome;
  const digests = [hash('sha256', sealed), ...job.chain.blobs];
  const isNamed = index.members.every(({ sha256 }, place) => sha256 === digests[place]);
  if (!isEnd || !isNamed) throw damaged(path, `${INDEX_NAME} tells something else than the job in it`);
}

function bytesOf(file: number, path: string, member: TarMember): Buffer {
  return Buffer.concat([...tarContent(file, path, member)]);
}

function damaged(path: string, what: string, damageAt?: number): HoldfastError {
  return new HoldfastError(
    'checkpoint-damaged',
    `The archive ${path} is damaged: ${what}. Expected a whole archive; nothing of it was used.`,
    { path, what, ...(damageAt !== undefined && { damageAt }) },
  );
}

function unknown(path: string, what: string): HoldfastError {
  return new HoldfastError('unknown-format', `${path} is no archive of a job that can be read: ${what}.`, { path });
}
