/**
 * Contents that a record names, from wherever they still are: the store, else the file of the workspace that has just
 * these bytes.
 *
 * Invariants
 * 1. What is handed on is compared with its digest. What is read in chunks shows a difference at the end, as an error.
 * 2. Memory doesn't grow with a content's size, but where somebody asks for a whole one.
 */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../model/digest.ts';
import { HoldfastError } from '../model/failure.ts';
import type { WorkspaceInspection } from '../protocol/inspect/inspection.ts';

/** A content by its digest, in chunks; undefined: it is nowhere any more. */
export type OpenContent = (digest: string) => Promise<AsyncIterable<Buffer> | undefined>;
/** The same as a whole: for contents of a bounded size. */
export type ReadContent = (digest: string) => Promise<Buffer | undefined>;

export function contentsOf(inspection: WorkspaceInspection): (path: string) => OpenContent {
  return (path) => async (digest) => {
    const stored = inspection.content(digest as Digest);
    if (stored !== undefined) return stored;
    const file = join(inspection.root, path);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
    const digester = createHash('sha256');
    for await (const chunk of createReadStream(file)) digester.update(chunk as Buffer);
    return digester.digest('hex') === digest ? unchanged(file, digest) : undefined;
  };
}

/** Somebody may write it meanwhile. @throws HoldfastError `not-found` */
async function* unchanged(file: string, digest: string): AsyncGenerator<Buffer> {
  const digester = createHash('sha256');
  for await (const chunk of createReadStream(file)) {
    digester.update(chunk as Buffer);
    yield chunk as Buffer;
  }
  if (digester.digest('hex') === digest) return;
  throw new HoldfastError('not-found', `${file} changed while it was read. The store has no copy of ${digest}.`, {
    path: file,
    nextStep: 'Let nobody write the workspace meanwhile, and run the same command again.',
  });
}

export function wholeContent(open: OpenContent): ReadContent {
  return async (digest) => {
    const content = await open(digest);
    if (content === undefined) return undefined;
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
}
