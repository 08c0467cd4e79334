/** Which databases must be there already: whoever is to compare or to change them says so before it opens them. */
import type { JobSettings } from '../../model/job/settings.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from './workspace.ts';

/**
 * A database that the record knows must be there: a SQLite file that is gone is out of reach, not an empty database.
 */
export function expectDatabases(
  workspace: Workspace,
  settings: JobSettings,
  isRecorded: (resource: string) => boolean,
): void {
  workspace.secrets.know(settings);
  const names = Object.keys(settings.databases).filter((database) =>
    isRecorded(formatResource({ kind: 'database', database })),
  );
  workspace.expectDatabases(new Set(names));
}

/**
 * The same for whoever acts without having compared: a worker that has just started ends a job, or carries a decision
 * out.
 */
export function expectRecordedDatabases(
  workspace: Workspace,
  settings: JobSettings,
  ledger: Ledger,
  jobId: string,
): void {
  expectDatabases(workspace, settings, (resource) => ledger.manifestEntry(jobId, resource) !== undefined);
}
