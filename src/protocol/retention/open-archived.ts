/** A workspace that holds the record in an archive, for whoever reads one: made in a folder of its own. */
import { TemporaryFolder } from '../../store/life/temporary-folder.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import { rebuildLedger } from '../checkpoint/rebuild-ledger.ts';
import { Workspace } from '../workspace/workspace.ts';
import { openArchive } from './archive-file.ts';

export interface ArchivedWorkspace extends AsyncDisposable {
  /** It has a record, and no file. */
  readonly folder: string;
  readonly jobId: string;
}

/** Dispose of it: it is a copy. @throws HoldfastError as `openArchive` */
export async function openArchivedWorkspace(path: string): Promise<ArchivedWorkspace> {
  const archive = openArchive(path);
  const folder = madeFor(archive);
  const remove = (): Promise<void> => Promise.resolve(folder[Symbol.dispose]());
  const workspace = new Workspace(folder.path, {});
  try {
    const { stored, job } = archive;
    const store = { getBlob: (digest: string) => archive.content(digest) } as Pick<
      SealedStore,
      'getBlob'
    > as SealedStore;
    await rebuildLedger(workspace, { stored, store, settings: job.settings });
    return { folder: folder.path, jobId: job.jobId, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  } finally {
    await workspace.close();
    archive.close();
  }
}

function madeFor(archive: { close(): void }): TemporaryFolder {
  try {
    return TemporaryFolder.make('archive');
  } catch (error) {
    archive.close();
    throw error;
  }
}
