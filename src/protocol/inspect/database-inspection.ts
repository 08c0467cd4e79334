/** Can a job's database be reached, and has it the term that the record has? */
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface DatabaseInspection {
  readonly name: string;
  readonly dialect?: string;
  readonly reachable: boolean;
  /** Why not, or what is wrong with its fence. */
  readonly problem?: string;
  readonly identity?: string;
  /** The job's term that the database has; undefined: it knows nothing of the job. */
  readonly fenceTerm?: number;
}

/** Never rejects for a database that is out of reach: the result says so. */
export async function inspectDatabase(workspace: Workspace, job: JobRow, name: string): Promise<DatabaseInspection> {
  try {
    const database = await workspace.database(name, job.settings);
    const identity = await database.identity();
    const fenceTerm = (await database.fence(job.jobId))?.term;
    return {
      name,
      dialect: database.dialect,
      reachable: true,
      identity: identity.name,
      ...defined({ fenceTerm, problem: fenceProblem(job, fenceTerm) }),
    };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { name, reachable: false, problem: workspace.secrets.redact(error.message) };
  }
}

function fenceProblem({ state, term }: JobRow, fenceTerm: number | undefined): string | undefined {
  if (term === 0) return undefined;
  if (fenceTerm === undefined)
    return 'it knows nothing of this job: it was put back to an earlier state, or is another database';
  const isReleased = state === 'released';
  if (isReleased ? fenceTerm >= term : fenceTerm === term) return undefined;
  return `it has term ${fenceTerm} of this job; ${isReleased ? 'at least' : 'exactly'} ${term} is recorded`;
}
