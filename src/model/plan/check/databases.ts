/** The databases of a plan: each is declared once, and each name that is used is declared. */
import { baseProblem } from '../database-base.ts';
import { shown } from '../../shown-value.ts';
import { workspacePath } from '../../step/workspace-path.ts';
import type { Plan } from '../plan.ts';
import { nearestName } from '../../nearest-name.ts';
import type { PlanProblem } from '../problem/problem.ts';

export function checkDatabases(plan: Plan): readonly PlanProblem[] {
  const seen = new Map<string, string>();
  const bases = Object.entries(plan.databases).flatMap(([name, { url, base }]) =>
    base === undefined ? [] : checkBase(`databases.${name}.base`, url, base),
  );
  const urls = Object.entries(plan.databases).flatMap(([name, { url }]): readonly PlanProblem[] => {
    const path = `databases.${name}.url`;
    const file = sqlitePath(url);
    if (file !== undefined) {
      const checked = workspacePath(file);
      const hint = 'for a database elsewhere write url: ${{ env.DATABASE_URL }}';
      if (!checked.ok)
        return [{ path, message: `the path ${checked.problem}`, found: file, hint: `${checked.hint}; ${hint}` }];
    }
    const identity = file === undefined ? url.replace(/\s/g, '') : `sqlite:${normalPath(file)}`;
    const first = seen.get(identity);
    seen.set(identity, first ?? name);
    if (first === undefined) return [];
    const message = `is the same database as "${first}"`;
    return [{ path, message, expected: 'one name for a database', hint: `use "${first}" in all steps` }];
  });
  return [...urls, ...bases];
}

function checkBase(path: string, url: string, base: string): readonly PlanProblem[] {
  if (sqlitePath(url) !== undefined)
    return [{ path, message: 'belongs to a SQLite file, which a fork copies', hint: 'remove it' }];
  if (base.startsWith('@'))
    return [
      {
        path,
        message: 'names a file that nobody has read',
        expected: 'the SQL itself',
        found: shown(base),
        hint: 'use the command line, or give readPlan `readFile`: both put what is in the file in its place',
      },
    ];
  if (base.includes('${{'))
    return [{ path, message: 'holds a reference, which is not replaced there', expected: 'SQL as it is run' }];
  const problem = baseProblem(base);
  return problem === undefined ? [] : [{ path, ...problem }];
}

export function checkDatabaseName(plan: Plan, name: string, path: string): readonly PlanProblem[] {
  if (name.includes('${{') || Object.hasOwn(plan.databases, name)) return [];
  const names = Object.keys(plan.databases);
  const near = nearestName(name, names);
  const declaration = `databases: { ${name}: { url: "\${{ env.DATABASE_URL }}" } }`;
  return [
    {
      path,
      message: `undeclared database "${name}"`,
      expected: names.length === 0 ? 'one that the plan declares under `databases`' : `one of ${names.join(', ')}`,
      hint: near === undefined ? `declare it: ${declaration}` : `did you mean "${near}"?`,
    },
  ];
}

/** Of the files that SQLite puts beside a database, and of the database itself. */
const SQLITE_SUFFIXES = ['', '-wal', '-shm', '-journal'];

/** The declared database whose file the path is. */
export function databaseOfFile(plan: Plan, path: string): string | undefined {
  const found = Object.entries(plan.databases).find(([, { url }]) => {
    const file = sqlitePath(url);
    return file !== undefined && SQLITE_SUFFIXES.some((suffix) => `${normalPath(file)}${suffix}` === path);
  });
  return found?.[0];
}

function sqlitePath(url: string): string | undefined {
  return url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined;
}

function normalPath(path: string): string {
  const checked = workspacePath(path);
  return checked.ok ? checked.value : path;
}
