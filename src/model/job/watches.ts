/** What a Workflow of one's own declares to be watched: like a plan's, one file is one resource and one name is one. */
import { workspacePattern } from '../step/file-pattern.ts';
import type { Watch } from './settings.ts';

export interface WatchProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Paths as steps name what they read and write. What is no path in the workspace stays: `watchProblems` tells. */
export function uniformWatches(watches: readonly Watch[]): Watch[] {
  return watches.map((watch) => {
    const checked = watch.kind === 'file' ? workspacePattern(watch.path) : undefined;
    return checked?.ok === true ? { kind: 'file', path: checked.value } : watch;
  });
}

/** What cannot be watched, and names that two watches have: of those only the first would be compared. */
export function watchProblems(
  watches: readonly Watch[],
  databases: Readonly<Record<string, string>>,
): readonly WatchProblem[] {
  const names = new Map<string, number>();
  return watches.flatMap((watch, index) => {
    const problems: WatchProblem[] = [];
    const add = (field: string, message: string): void => void problems.push({ path: [index, field], message });
    if (watch.kind === 'file') {
      const checked = workspacePattern(watch.path);
      if (!checked.ok) add('path', `"${watch.path}" ${checked.problem}: ${checked.hint}`);
    }
    if ('name' in watch) {
      const key = `${watch.kind} ${watch.name}`;
      const first = names.get(key);
      if (first === undefined) names.set(key, index);
      else add('name', `"${watch.name}" is already the name of watch[${first}]`);
    }
    if ('database' in watch && !Object.hasOwn(databases, watch.database))
      add('database', `openJob is given no database "${watch.database}"`);
    return problems;
  });
}
