/** The environment of a command: exactly what its request names. */
import { DEFAULT_PATH } from '../../../effects/processes/find-program.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { CommandRequest } from '../../../model/step/command.ts';
import type { Attempt } from '../attempt.ts';

export type Environment = Readonly<Record<string, string>>;

/** @throws HoldfastError `missing-variable` */
export function environmentOf(attempt: Attempt, request: CommandRequest): Environment {
  const inherited = request.envFrom
    .filter((name) => !Object.hasOwn(request.env, name))
    .map((name) => [name, inheritedValue(attempt, name)] as const);
  // A copy without the repository's own folder must not be taken for a part of the workspace's repository.
  const git = request.inPlace ? {} : { GIT_CEILING_DIRECTORIES: `${attempt.workspace.directory}/commands` };
  return { ...git, ...Object.fromEntries(inherited), ...request.env };
}

function inheritedValue({ env, claim }: Attempt, name: string): string {
  const value = env[name] ?? (name === 'PATH' ? DEFAULT_PATH : undefined);
  if (value !== undefined) return value;
  throw new HoldfastError(
    'missing-variable',
    `A command of step ${claim.row.stepId} is to be given ${name}, and the worker's environment has no ${name}.`,
    { name },
  );
}
