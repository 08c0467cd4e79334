/**
 * Compares what each database has of the job with the ledger: token rows that the ledger does not know, and the fence
 * row's term. Where they contradict each other, one of the two is an older copy.
 */
import { strayTableText } from '../../effects/database/holdfast-tables.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Digest } from '../../model/digest.ts';
import { formatResource } from '../../model/record/resource.ts';
import { tokenOf } from '../../model/record/token.ts';
import { restoredDatabaseFinding, unknownTokenFinding } from '../question/database.ts';
import { unreachableFinding, unseenFinding } from '../question/unseen.ts';
import type { ComparedRecord } from './comparison.ts';

export async function reportDatabaseTraces(
  record: ComparedRecord,
  only: ReadonlySet<string> | undefined,
): Promise<Finding[]> {
  const { term } = record.ledger.job(record.jobId)!;
  const findings: Finding[] = [];
  for (const name of Object.keys(record.settings.databases).sort()) {
    if (only !== undefined && !isRequested(only, name)) continue;
    findings.push(...(await databaseFindings(record, name, term)));
  }
  return findings;
}

function isRequested(only: ReadonlySet<string>, database: string): boolean {
  const resource = formatResource({ kind: 'database', database });
  const tokens = formatResource({ kind: 'token', database, token: '' });
  return only.has(resource) || [...only].some((one) => one.startsWith(tokens));
}

/** term: the ledger's. */
async function databaseFindings(record: ComparedRecord, name: string, term: number): Promise<Finding[]> {
  const { ledger, manifest, jobId, workspace, settings } = record;
  const findings: Finding[] = [];
  try {
    const database = await workspace.database(name, settings);
    for (const token of await database.tokensOfJob(jobId))
      // The manifest, which is at hand, has nearly all of them.
      if (!manifest.has(formatResource({ kind: 'token', database: name, token })) && !ledger.knowsToken(token))
        findings.push(unknownTokenFinding(name, token, stepOfToken(record, token)));
    const fence = await database.fence(jobId);
    if (fence?.term === term || term === 0) return findings;
    const stray = fence === undefined ? await database.strayFenceTable() : undefined;
    const resource = formatResource({ kind: 'database', database: name });
    if (stray === undefined) findings.push(restoredDatabaseFinding(name, { expected: term, found: fence?.term }));
    else findings.push(unseenFinding(resource, { outcome: 'unreadable', reason: strayTableText(stray) }, undefined));
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    findings.push(unreachableFinding(formatResource({ kind: 'database', database: name }), error));
    await workspace.forget(name);
  }
  return findings;
}

/** Of those that came next at the record's latest checkpoint: what is behind it is not in the record. */
function stepOfToken({ ledger, jobId }: ComparedRecord, token: Digest): string | undefined {
  return ledger.latestCheckpoint(jobId)?.next.find((stepId) => {
    const generation = ledger.generations.highest(jobId, stepId) ?? 0;
    return tokenOf({ jobId, stepId, generation }) === token;
  });
}
