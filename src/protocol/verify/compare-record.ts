/** Compares the world with the record of a verification's job: as a whole, and what differed once more. */
import { compare } from '../compare/compare.ts';
import type { ComparedRecord, Comparison } from '../compare/comparison.ts';
import type { KnownFiles } from '../../effects/files/known-files.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { ChainReading } from './chain-reading.ts';
import type { Verification } from './verification.ts';

/** Outside the lock, but for reading the record. `known`: a quick look. */
export async function compareWhole(
  verification: Verification,
  workspace: Workspace,
  chain: ChainReading,
  known: KnownFiles | undefined,
): Promise<Comparison> {
  const record = await workspace.exclusive('read the record', (ledger) => recordIn(verification, ledger, chain));
  return await compare({ ...whereOf(verification, workspace), ...record, known });
}

/** What differed, and what a sibling has recorded meanwhile, once more against the record as it is now. */
export async function compareAgain(
  verification: Verification,
  workspace: Workspace,
  { ledger, chain }: { readonly ledger: Ledger; readonly chain: ChainReading },
  seen: Comparison,
): Promise<Comparison> {
  if (seen.differing.length === 0 && seen.at.seq === placeIn(verification, ledger).seq) return seen;
  const record = recordIn(verification, ledger, chain);
  const changed = [...record.manifest.values()].filter(({ seq }) => seq > seen.at.seq);
  const only = new Set([...seen.differing, ...changed.map(({ resource }) => resource)]);
  return await compare({ ...whereOf(verification, workspace), ...record }, only);
}

type RecordAtOnce = Pick<ComparedRecord, 'ledger' | 'at' | 'manifest'>;

/** At one moment: under the lock. */
function recordIn(verification: Verification, ledger: Ledger, chain: ChainReading): RecordAtOnce {
  const at = placeIn(verification, ledger);
  return { ledger, at, manifest: chain.manifest(ledger, at) };
}

function placeIn({ request }: Verification, ledger: Ledger): ChainPlace {
  return ledger.job(request.jobId)!.at;
}

function whereOf(
  { host, caller, request }: Verification,
  workspace: Workspace,
): Omit<ComparedRecord, keyof RecordAtOnce> {
  const { jobId, settings } = request;
  const onProgress = (files: number, total: number): void =>
    caller.progress(`compared ${files} of ${total}`, total === 0 ? 1 : files / total);
  return { host, workspace, settings, jobId, onProgress };
}
