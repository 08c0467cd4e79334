/** Whether a record that can't be used can be made anew, and what a person is told of that. */
import type { Finding } from '../../model/question/finding.ts';
import { LEDGER } from '../question/ledger.ts';
import { lostForGoodFinding, rebuildableFinding, type RebuildTold } from '../question/rebuild.ts';
import { shortDigest } from '../../model/digest.ts';
import { tokenOf } from '../../model/record/token.ts';
import { planRebuild, type RebuildPlan, type RebuildSite } from './rebuild-plan.ts';

/** Findings of which this holds may be answered by making the record anew. */
export function isLostRecord({ resource, class: cls }: Pick<Finding, 'resource' | 'class'>): boolean {
  return resource === LEDGER && cls === 'damaged';
}

/** The same findings, with what can be done about the record. @throws HoldfastError what may pass */
export async function withRebuild(site: RebuildSite, findings: readonly Finding[]): Promise<readonly Finding[]> {
  if (!findings.some(isLostRecord)) return findings;
  const found = await planRebuild(site);
  return findings.map((finding) => {
    if (!isLostRecord(finding)) return finding;
    return 'refused' in found
      ? lostForGoodFinding(finding, found.refused)
      : rebuildableFinding(finding, toldOf(site, found.plan));
  });
}

export function toldOf({ jobId, known }: Pick<RebuildSite, 'jobId' | 'known'>, plan: RebuildPlan): RebuildTold {
  const { stored, storeLocation, unreadable, adopted, traces, files, anew, digest } = plan;
  const stepOf = new Map(adopted.flatMap((one) => (one.kind === 'step' ? [[one.token, one.stepId] as const] : [])));
  for (const one of anew) stepOf.set(tokenOf({ jobId, ...one }), one.stepId);
  return {
    digest,
    checkpoint: stored && { seq: stored.checkpoint.place.seq, location: storeLocation ?? '' },
    emptyStore: stored === undefined && unreadable.length === 0 ? storeLocation : undefined,
    unreadable,
    known: known.seq,
    adopted: adopted.flatMap((one) => (one.kind === 'step' ? [one.stepId] : [])),
    files: [...files.values()].flat(),
    committed: traces.map(
      ({ database, token }) => `${stepOf.get(token) ?? `a sub-step (${shortDigest(token)})`} in ${database}`,
    ),
    anew,
  };
}
