/** The URL of a declared database: as the job names it, or in a variable of the worker's environment. */
import { referencedVariable, referenceTo } from '../../model/env-reference.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';

export type WorkerEnv = Readonly<Record<string, string | undefined>>;

/**
 * What the job says of a database: a URL, or the variable that holds it.
 * @throws HoldfastError `undeclared-database`
 */
export function declaredReference(name: string, { databases }: Pick<JobSettings, 'databases'>): string {
  const reference = databases[name];
  if (reference !== undefined) return reference;
  const declared = Object.keys(databases).join(', ') || 'none';
  throw new HoldfastError('undeclared-database', `The job declares no database "${name}"; it declares ${declared}.`, {
    name,
  });
}

/** @throws HoldfastError `missing-variable`, naming the variable and never a value */
export function resolveUrl(name: string, reference: string, env: WorkerEnv): string {
  const variable = referencedVariable(reference);
  if (variable === undefined) return reference;
  const url = urlIn(variable, env);
  if (url !== undefined) return url;
  const place = referenceTo(variable);
  throw new HoldfastError(
    'missing-variable',
    `Database "${name}" is at ${place}, and the worker's environment has no ${variable}.`,
    { name, variable },
  );
}

/** Undefined: the variable is not set, or empty. */
export function urlIfSet(reference: string, env: WorkerEnv): string | undefined {
  const variable = referencedVariable(reference);
  return variable === undefined ? reference : urlIn(variable, env);
}

function urlIn(variable: string, env: WorkerEnv): string | undefined {
  return env[variable] === '' ? undefined : env[variable];
}

export function isSqliteUrl(url: string): boolean {
  return url.startsWith('sqlite:');
}
