/** `restore`: a file or a row is put back to what the record has of it. */
import { parseResource, type Resource } from '../../../model/record/resource.ts';
import type { ResourceState } from '../../../model/record/world.ts';
import type { Finding } from '../../../model/question/finding.ts';
import { resetFile } from '../changes/files.ts';
import { fileState, rowState } from '../../../model/record/narrowed-state.ts';
import type { RowReset } from '../running/database-changes.ts';
import type { RunningRepair } from '../running/running-repair.ts';

export async function restore(repair: RunningRepair, { resource: uri }: Finding): Promise<void> {
  const { ledger, jobId } = repair.context;
  const entry = ledger.manifestEntry(jobId, uri);
  if (entry === undefined) return;
  const resource = parseResource(uri);
  const shown = repair.found(uri);
  if (resource.kind === 'row') {
    repair.databases.reset(restoredRow(uri, resource, { shown, wanted: entry.state }));
  } else if (resource.kind === 'file') {
    const part = { kind: 'finding', resource: uri } as const;
    await resetFile(repair, { path: resource.path, part, shown: fileState(shown), wanted: fileState(entry.state) });
  }
}

/** A row that `restore` puts back. */
export function restoredRow(
  uri: string,
  { database, table, key }: Extract<Resource, { kind: 'row' }>,
  { shown, wanted }: { readonly shown: ResourceState | undefined; readonly wanted: ResourceState },
): RowReset {
  return { database, table, key, shown: rowState(shown), wanted: rowState(wanted), resource: uri };
}
