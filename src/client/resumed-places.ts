/**
 * Where a job that is started from its store is to work. What started a fork names the other job's folder and
 * databases, and its record does not say where its own are: whoever resumes it says so.
 *
 * Invariant: a fork is never started where the other job works because nobody said otherwise.
 */
import { referencedVariable } from '../model/env-reference.ts';
import { HoldfastError } from '../model/failure.ts';
import { declaredDatabases } from '../model/plan/started-plan.ts';
import type { ForkedRecord } from '../model/record/record.ts';
import { parseResource } from '../model/record/resource.ts';
import { redactUrl } from '../model/shown-url.ts';
import type { StoredJob } from '../protocol/checkpoint/load-job.ts';
import type { ResumeOptions } from './job-types.ts';
import type { FoundJob } from '../protocol/checkpoint/found-job.ts';

type Places = Pick<ResumeOptions, 'workspace' | 'databases'>;

/** @throws HoldfastError `bad-input`: what has to be given, or can't be */
export function refusePlaces({ workflowId, choice, started }: FoundJob, { workspace, databases = {} }: Places): void {
  const { chain } = (choice.kind === 'job' ? choice.stored : choice.older)!;
  const declared = declaredIn(started.args);
  refuseReferences(databases, declared);
  const forked = chain.findLast(({ record }) => record.kind === 'forked')?.record as ForkedRecord | undefined;
  if (forked === undefined) return;
  const missing = [
    ...(workspace === undefined ? ['--workspace FOLDER'] : []),
    ...databasesOf(chain)
      .filter((name) => databases[name] === undefined && !isInWorkspace(declared?.[name]))
      .map((name) => `--database ${name}='\${{ env.NAME }}'`),
  ];
  if (missing.length === 0) return;
  throw new HoldfastError(
    'bad-input',
    `${workflowId} is a fork of ${forked.from.workflowId}. Its store has what started that job, whose places are not ` +
      `the fork's, so that they have to be given: ${missing.join(', ')}. Nothing was started.`,
    {
      workflowId,
      missing,
      nextStep:
        'Give the folder that was made for the fork, where it is there still, or a new one; and where the fork has ' +
        `its databases (sqlite:PATH for a file): holdfast resume … ${missing.join(' ')}`,
    },
  );
}

function refuseReferences(
  databases: Readonly<Record<string, string>>,
  declared: Readonly<Record<string, string>> | undefined,
): void {
  for (const [name, place] of Object.entries(databases)) {
    if (declared !== undefined && declared[name] === undefined)
      throw new HoldfastError(
        'bad-input',
        `The job has no database "${name}"; it declares ${Object.keys(declared).join(', ') || 'none'}.`,
      );
    if (referencedVariable(place) !== undefined || redactUrl(place) === place) continue;
    throw new HoldfastError(
      'bad-input',
      `Database "${name}": the history of the job would show the password in ${redactUrl(place)}.`,
      { nextStep: `Put the URL into a variable of the worker: --database ${name}='\${{ env.NAME }}'` },
    );
  }
}

/** Of a plan's job: name → URL, as the plan has it. Undefined: a Workflow of one's own names them in its code. */
function declaredIn(args: readonly unknown[]): Readonly<Record<string, string>> | undefined {
  const declared = declaredDatabases(args);
  return declared && Object.fromEntries(Object.entries(declared).map(([name, { url }]) => [name, url]));
}

/** Each that the job declares is in its record from its first comparison on. */
function databasesOf(chain: StoredJob['chain']): readonly string[] {
  const names = new Set<string>();
  for (const { record } of chain)
    for (const { resource } of record.changes) {
      const parsed = parseResource(resource);
      if ('database' in parsed) names.add(parsed.database);
    }
  return [...names].sort();
}

/** A file of the workspace goes where that goes. */
function isInWorkspace(url: string | undefined): boolean {
  return url !== undefined && /^sqlite:(?!\/|\.\.\/)/.test(url);
}
