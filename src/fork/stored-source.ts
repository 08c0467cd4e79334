/**
 * A job as its store has it at a checkpoint, in a folder of its own for as long as a fork is made of it: its record and
 * the contents that the record names. Neither its workspace nor its databases are needed.
 *
 * Invariant: nothing is written in the store.
 */
import { HoldfastError } from '../model/failure.ts';
import { basesIn } from '../model/plan/database-base.ts';
import { declaredDatabases } from '../model/plan/started-plan.ts';
import { parseResource } from '../model/record/resource.ts';
import { loadJob, type StoredJob } from '../protocol/checkpoint/load-job.ts';
import { rebuildLedger } from '../protocol/checkpoint/rebuild-ledger.ts';
import { isSqliteUrl, resolveUrl } from '../protocol/workspace/database-url.ts';
import { Workspace } from '../protocol/workspace/workspace.ts';
import { TemporaryFolder } from '../store/life/temporary-folder.ts';
import { openStore } from '../store/sealed/open-store.ts';
import type { ForkOptions } from './options.ts';
import type { Env } from './source.ts';

export interface StoredPlace {
  readonly store: string;
  readonly jobId: string;
  /** Where a relative folder begins. */
  readonly base: string;
}

/** No database is there: what is to be in the fork's is made from a base. */
const NOWHERE = 'postgres://a-store-has-no-database.invalid/';

/** @throws HoldfastError `bad-input`, `not-found`, `checkpoint-damaged`, and what `act` throws */
export async function withStoredJob<T>(
  { store: location, jobId, base }: StoredPlace,
  { options: given, env }: { readonly options: ForkOptions; readonly env: Env },
  act: (folder: string, options: ForkOptions) => Promise<T>,
): Promise<T> {
  const store = openStore(location, { base, create: false });
  try {
    const stored = await loadJob(store, jobId, given.at);
    const options = { ...given, bases: { ...ownBases(stored), ...given.bases } };
    const databases = databasesOf(stored, options, env);
    using folder = TemporaryFolder.make('stored-job');
    const workspace = new Workspace(folder.path, env);
    try {
      const settings = { databases, watch: [], verifyAfterMs: 0, plan: null };
      await rebuildLedger(workspace, { stored, store, settings });
    } finally {
      await workspace.close();
    }
    return await act(folder.path, options);
  } finally {
    await store.close();
  }
}

/** Those of its plan; a Workflow of one's own has them in its code. */
function ownBases({ chain }: StoredJob): Readonly<Record<string, string>> {
  for (const { record } of chain)
    if (record.kind === 'checkpoint' && record.job !== undefined)
      return basesIn(declaredDatabases(record.job.args) ?? {});
  return {};
}

function databasesOf({ chain }: StoredJob, options: ForkOptions, env: Env): Readonly<Record<string, string>> {
  const names = new Set(
    chain.flatMap(({ record }) => record.changes.flatMap(({ resource }) => databaseIn(resource) ?? [])),
  );
  for (const name of names) refuseUntold(name, options, env);
  return Object.fromEntries([...names].map((name) => [name, `${NOWHERE}${encodeURIComponent(name)}`]));
}

function databaseIn(resource: string): string | undefined {
  const parsed = parseResource(resource);
  return 'database' in parsed ? parsed.database : undefined;
}

function refuseUntold(name: string, { databases = {}, bases = {} }: ForkOptions, env: Env): void {
  const place = databases[name];
  if (place !== undefined && Object.hasOwn(bases, name) && !isSqliteUrl(resolveUrl(name, place, env))) return;
  throw new HoldfastError(
    'bad-input',
    `A store has no copy of database "${name}". Expected an empty PostgreSQL database, and SQL that makes what was ` +
      'in it before the job, where its plan has none; a SQLite file is forked from its workspace only.',
    { name, nextStep: `Say both: --database ${name}='\${{ env.NAME }}' --base ${name}=@tables.sql` },
  );
}
