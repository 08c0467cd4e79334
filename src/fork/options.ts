/** How a fork is made. */
import { HoldfastError } from '../model/failure.ts';
import type { Edit } from '../model/job/edit.ts';
import { refuseUnknownOptions, type OptionNames } from '../model/options.ts';

/** How a fork is made. */
export interface ForkOptions {
  /** By Workflow id or job id. Default: the job that has the workspace, else its latest. */
  readonly job?: string;
  /** The number of a checkpoint. */
  readonly at: number;
  /** The folder of the fork: empty, or not there yet. */
  readonly workspace: string;
  /** Where databases are to be: name → `${{ env.NAME }}`, a URL without a password, or `sqlite:PATH`. */
  readonly databases?: Readonly<Record<string, string>>;
  /**
   * Of a PostgreSQL database that is there and empty: name → SQL that makes its tables and what was in them before the
   * job. What the steps did is then made from the record. Default: `base` of the job's plan, or `bases` of its
   * `openJob`. A database that is not there is copied by its server.
   */
  readonly bases?: Readonly<Record<string, string>>;
  /** The fork's Workflow id. Default: the other's, and eight random hex digits. */
  readonly workflowId?: string;
  /** `statements:STEP` → `keep`: what a statement that nothing undoes has done stays in the copy. Default: refused. */
  readonly items?: Readonly<Record<string, string>>;
  /** `leave`: files that no record speaks of are not copied. Default: they are copied as they are now. */
  readonly others?: 'copy' | 'leave';
  /**
   * What a step comes to, put in by hand before anything runs in the fork: `asNode`, with `values`, `output` or both,
   * as for `client.updateState`. Then `reason` is needed. Default: nothing.
   */
  readonly edit?: Pick<Edit, 'asNode' | 'values' | 'output' | 'items'>;
  /** Who forks; kept in the record. */
  readonly by: string;
  /** Why; kept in the record. Default: nothing. */
  readonly reason?: string;
}

export const OPTION_NAMES: OptionNames<ForkOptions> = {
  job: true,
  at: true,
  workspace: true,
  databases: true,
  bases: true,
  workflowId: true,
  items: true,
  others: true,
  edit: true,
  by: true,
  reason: true,
};

const STATEMENTS = 'statements:';

/** @throws HoldfastError `bad-input` */
export function refuseOptions(options: ForkOptions): void {
  refuseUnknownOptions('forkJob', options, OPTION_NAMES);
  if (!Number.isSafeInteger(options.at) || options.at < 1)
    throw new HoldfastError('bad-input', `A checkpoint has a whole number from 1 on; found ${String(options.at)}.`);
  if (options.by.trim() === '') throw new HoldfastError('bad-input', 'A fork says who makes it: by is empty.');
  if (options.workspace.trim() === '')
    throw new HoldfastError('bad-input', 'A fork has a folder of its own: workspace is empty.');
}

/** @returns the steps. @throws HoldfastError `bad-input` */
export function keptStatements(items: Readonly<Record<string, string>>): ReadonlySet<string> {
  const steps = new Set<string>();
  for (const [name, answer] of Object.entries(items)) {
    if (!name.startsWith(STATEMENTS) || answer !== 'keep')
      throw new HoldfastError(
        'bad-input',
        `"${name}=${answer}" says nothing that a fork can take. Expected statements:STEP=keep.`,
      );
    steps.add(name.slice(STATEMENTS.length));
  }
  return steps;
}
