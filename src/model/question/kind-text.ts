/** What a kind of finding means, for somebody who has not read the documents; '' where its name says it. */
import type { Finding, FindingKind } from './finding.ts';

const MEANINGS: Partial<Record<FindingKind, string>> = {
  'kind-changed': 'a file has become a folder or a link, or the other way round',
  'mode-changed': 'the same content with other permissions',
  unreadable: 'it could not be looked at, so that nobody knows whether it has changed',
  unreachable: 'it does not answer, so that nobody knows whether it has changed',
  'token-missing': 'the database has lost its note of what was applied',
  'token-unknown': 'the database holds a transaction of this job that the record does not have',
  'token-changed': "the database's note of what was applied is another",
  'database-replaced': 'the worker is connected to another database than before',
  'database-restored': "the database's note of this job is not the one that the job left",
  'watch-changed': 'what the job watches tells something else than when it was last looked at',
  'code-changed': "the worker has another version of this step's code",
  'plan-changed': 'the plan is not the one that the job began with',
  'ledger-behind': "the workspace's record is older than what the job has done",
  'ledger-missing': "the workspace has no record of this job's work",
  'ledger-damaged': "the workspace's record cannot be trusted",
  'checkpoint-damaged': 'the stored checkpoint that the job is to go on from cannot be read',
  'cannot-resume': 'the job cannot be started so from its store',
  'blob-damaged': 'the stored content that is to be put back is lost',
  'bound-to-another-job': 'one job at a time may have a workspace',
  'ahead-after-reset': 'it was done before the Workflow was reset',
  'target-neither-before-nor-after': 'somebody changed it while a step was half applied',
  'outcome-unknown': 'nobody knows whether this call happened',
  'performed-otherwise': 'the call was made, and the step would make another one now',
  'performed-and-not-asked-for': 'the call was made, and the step does not ask for it any more',
  'inputs-keep-changing': 'what the step read was changed each time before it could be applied',
  'decision-not-carried-out': 'an earlier decision is not finished',
  'changed-since': 'somebody has changed what the step made',
  'compensation-failed': "the step's own way of undoing it failed",
  'undone-after-reset': 'the Workflow was reset, and what it did is undone',
};

/** `token-missing: the database has lost its note …` */
export function kindText({ kind }: Pick<Finding, 'kind'>): string {
  const meaning = MEANINGS[kind];
  return meaning === undefined ? kind : `${kind}: ${meaning}`;
}
