/** What a person should do about a difference, where it is not plain from the two sides. */
import type { FindingKind } from '../../model/question/finding.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';

export interface AdvisedDiscrepancy {
  readonly kind: FindingKind;
  readonly resource: string;
  readonly recorded: ManifestEntry | undefined;
}

export function discrepancyAdvice({ kind, resource, recorded }: AdvisedDiscrepancy): string | undefined {
  if (kind === 'token-missing') return tokenMissing(resource, recorded?.stepId);
  if (kind === 'token-changed')
    return (
      "Somebody has edited Holdfast's table holdfast_token, or another copy of this workspace has gone on with the " +
      'job. Find out which; accept only where what the step did is there.'
    );
  if (kind === 'database-replaced')
    return (
      'It is another database than the job has worked in. If that one was replaced, put it back. Point the ' +
      "worker's URL back to that one and answer recheck; accept goes on in this one."
    );
  return undefined;
}

function tokenMissing(resource: string, stepId: string | undefined): string {
  const database = resource.slice('token:'.length, resource.indexOf('/'));
  const what = stepId === undefined ? 'a decision was carried out' : `step ${stepId} was applied`;
  const whose = stepId === undefined ? 'was decided' : 'the step did';
  return (
    `The database ${database} has lost its note that ${what} (a row of holdfast_token): a backup was put back, or ` +
    `the row was deleted. Look there: if what ${whose} is there, accept; if not, put the newer database back and ` +
    'answer recheck.'
  );
}
