/** A part of a job's chain for a checkpoint: its records, and what they name. */
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { ChainPart } from '../../model/job/sealed-checkpoint.ts';
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** A content up to this size travels in the document; a larger one is a blob of the store. */
const MAX_INLINE_BYTES = 4096;
const DIGESTS = /"([0-9a-f]{64})"/g;

/** The records between two places, without what they name. */
export interface ChainRange {
  readonly after: ChainPlace;
  readonly upTo: number;
}

/** Call under the lock. */
export function chainPart(ledger: Ledger, workspace: Workspace, jobId: string, { after, upTo }: ChainRange): ChainPart {
  const records: string[] = [];
  const named = new Set<Digest>();
  const steps = new Set<string>();
  for (const { seq, text, record } of ledger.records(jobId, after.seq)) {
    if (seq > upTo) break;
    records.push(text);
    for (const [, digest] of text.matchAll(DIGESTS)) named.add(digest!);
    if (record.kind === 'step' && record.effects.some(({ effect }) => effect.kind === 'perform'))
      steps.add(record.stepId);
  }
  const calls = [...steps].flatMap((stepId) => ledger.performs(jobId, stepId));
  for (const { answer } of calls) for (const [, digest] of (answer ?? '').matchAll(DIGESTS)) named.add(digest!);
  const held = [...named].filter((digest) => workspace.blobs.has(digest)).sort();
  const small = held.flatMap((digest) => {
    const bytes = ledger.content(digest);
    return bytes === undefined || bytes.length > MAX_INLINE_BYTES ? [] : [[digest, bytes] as const];
  });
  const inline = new Set(small.map(([digest]) => digest));
  return {
    after,
    records,
    calls: calls.map((call) => ({ ...call })),
    contents: Object.fromEntries(small.map(([digest, bytes]) => [digest, Buffer.from(bytes).toString('base64')])),
    blobs: held.filter((digest) => !inline.has(digest)),
  };
}

/** Of a record that the ledger has. */
export function placeOf(ledger: Ledger, jobId: string, seq: number): ChainPlace {
  const head = ledger.headAt(jobId, seq);
  if (head === undefined) throw new HoldfastError('defect', `The record of ${jobId} has no record ${seq}.`, { seq });
  return { seq, head };
}

export function partBytes(part: ChainPart): number {
  return Buffer.byteLength(canonicalJson(part as unknown as Json));
}
