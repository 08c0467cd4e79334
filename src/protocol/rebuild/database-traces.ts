/** What databases themselves prove of a job whose record is lost: the transactions that have committed, by token. */
import { HoldfastError } from '../../model/failure.ts';
import type { Digest } from '../../model/digest.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Change } from '../../model/record/record.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { ResourceState } from '../../model/record/world.ts';
import { WorkspaceDatabases } from '../workspace/databases.ts';
import type { WorkerEnv } from '../workspace/database-url.ts';

/** A transaction of the job that has committed. */
export interface TokenTrace {
  readonly database: string;
  readonly token: Digest;
  readonly state: ResourceState;
}

/** @throws HoldfastError where one of them can't be looked at: then nobody knows what has committed */
export async function tokenTraces(
  root: string,
  env: WorkerEnv,
  { jobId, settings }: { readonly jobId: string; readonly settings: JobSettings },
): Promise<readonly TokenTrace[]> {
  const names = Object.keys(settings.databases).sort();
  const databases = new WorkspaceDatabases(root, env);
  // None is made: the job has had them all.
  databases.expect(new Set(names));
  try {
    const traces: TokenTrace[] = [];
    for (const name of names) {
      const database = await databases.open(name, settings.databases[name]!);
      const states = await database.tokens(await database.tokensOfJob(jobId));
      for (const [token, state] of states) if (state.kind === 'token') traces.push({ database: name, token, state });
    }
    return traces;
  } finally {
    await databases.close();
  }
}

export function resourceOfTrace({ database, token }: TokenTrace): string {
  return formatResource({ kind: 'token', database, token });
}

/** It is committed, whatever else is not known of it. */
export function changeOfTrace(trace: TokenTrace): Change {
  return { resource: resourceOfTrace(trace), role: 'accepted', state: trace.state };
}

/** Why the databases can't say, for a person; what is no failure of theirs is thrown. */
export function whyNoTraces(error: unknown): string {
  if (!(error instanceof HoldfastError)) throw error;
  return error.message;
}
