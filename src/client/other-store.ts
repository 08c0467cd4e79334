/**
 * The store that a job is started from, where that is not the one that its plan names: a folder that was moved, another
 * database. The worker then reads the one that was given, and the job's checkpoints are kept there from now on.
 *
 * Invariant: no URL goes into the history. Such a store is named by a variable of the worker's environment.
 */
import { isAbsolute, normalize, resolve } from 'node:path';
import { referencedVariable, referenceTo } from '../model/env-reference.ts';
import { HoldfastError } from '../model/failure.ts';
import type { FoundJob } from '../protocol/checkpoint/found-job.ts';

type Env = Readonly<Record<string, string | undefined>>;

const BY_REFERENCE = /^(\$\{\{[^}]*\}\})\/(.+)$/s;

interface NamedStore {
  /** `STORE/JOB`, without a reference. */
  readonly from: string;
  /** As a plan names it. Undefined: it was given itself. */
  readonly reference?: string;
}

/** @param from `STORE/JOB`, where STORE may be `${{ env.NAME }}`. @throws HoldfastError `missing-variable` */
export function namedStore(from: string, env: Env): NamedStore {
  const [, reference, job] = BY_REFERENCE.exec(from) ?? [];
  const variable = reference === undefined ? undefined : referencedVariable(reference);
  if (variable === undefined) return { from };
  const value = env[variable];
  if (value === undefined || value === '')
    throw new HoldfastError('missing-variable', `The store is at ${reference}, and there is no ${variable} here.`, {
      variable,
      nextStep: `Set ${variable} here as the worker has it.`,
    });
  return { from: `${value}/${job}`, reference: referenceTo(variable) };
}

/**
 * @returns as a plan names it; undefined: the job's own plan names this store, as far as can be told here
 * @throws HoldfastError `bad-input`: it would have to be named by a variable
 */
export function otherStore({ store, started, workflowId }: FoundJob, base: string, env: Env): string | undefined {
  const named = storeOfPlan(started.args);
  const variable = named === undefined ? undefined : referencedVariable(named);
  const own = variable === undefined ? named : env[variable];
  // Of what only the worker's environment or the job's code tells.
  if (own === undefined || own === '' || isSame(own, store, base)) return undefined;
  if (!isUrl(store)) return folderOf(store, base);
  throw new HoldfastError(
    'bad-input',
    `The plan of ${workflowId} keeps its checkpoints elsewhere (${named}), and the URL of this store must not stand ` +
      'in the history of the job. Nothing was started.',
    {
      workflowId,
      nextStep: `Put it into a variable of the worker, here too: --from '\${{ env.NAME }}/${workflowId}'`,
    },
  );
}

function storeOfPlan(args: readonly unknown[]): string | undefined {
  const first = args[0] as { readonly plan?: { readonly checkpoint?: { readonly store?: string } } } | null | undefined;
  return first?.plan?.checkpoint?.store;
}

/** A relative path of a plan begins where the worker's workspaces are, which nobody knows here. */
function isSame(own: string, given: string, base: string): boolean {
  if (isUrl(own) || isUrl(given)) return isUrl(own) && isUrl(given) && schemaIn(own) === schemaIn(given);
  const folder = folderOf(given, base);
  const path = normalize(own).replace(/\/$/, '');
  return isAbsolute(path) ? path === folder : folder.endsWith(`/${path.replace(/^(\.\.?\/)+/, '')}`);
}

function folderOf(store: string, base: string): string {
  return resolve(base, store.replace(/^file:/, ''));
}

function isUrl(store: string): boolean {
  return /^postgres(ql)?:\/\//.test(store);
}

/** Server, database and schema, without who connects and how. */
function schemaIn(url: string): string {
  if (!URL.canParse(url)) return url;
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? hostname;
  return `${host}:${port || '5432'}${pathname} ${searchParams.get('schema') ?? ''}`;
}
