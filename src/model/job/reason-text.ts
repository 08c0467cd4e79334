/** Why the world is compared, in a few words: for a person's question, the status, the timeline of Temporal's UI. */
import type { VerificationReason } from './verify-world.ts';

export const REASON_TEXT: Readonly<Record<VerificationReason, string>> = {
  'first-of-run': 'the Run begins',
  'other-term': 'another has compared it meanwhile',
  'worker-not-covered': 'a new worker',
  'record-missing': 'a record is missing',
  'claim-left-open': 'a worker was lost',
  'too-long-since': 'too long since the last comparison',
  'reads-differ': 'what a step read differs',
  'target-differs': 'what a step changes differs',
  'database-changed': 'a database is another one',
  'repair-pending': 'a decision is half carried out',
  decided: 'a decision was carried out',
  asked: 'somebody asked',
  resumed: 'a step resumes by itself',
  'workspace-missing': 'the workspace is not there',
  'bound-to-another-job': 'the workspace belongs to another job',
};

/** Of a status, which a Workflow of another version may have told: `first-of-run: the job starts`. */
export function reasonText(reason: string): string {
  const [, name = reason, more = ''] = /^([\w-]+)(: .*)?$/s.exec(reason) ?? [];
  return Object.hasOwn(REASON_TEXT, name) ? `${REASON_TEXT[name as VerificationReason]}${more}` : reason;
}
