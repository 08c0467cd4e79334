/** The databases of a plan: each is declared once, and each name that is used is declared. */
import { workspacePath } from '../step/workspace-path.ts';
import { nearestName } from './nearest-name.ts';
import type { PlanProblem } from './problem.ts';
import type { Plan } from './plan.ts';

export function checkDatabases(plan: Plan): readonly PlanProblem[] {
  const seen = new Map<string, string>();
  return Object.entries(plan.databases).flatMap(([name, { url }]): readonly PlanProblem[] => {
    const path = `databases.${name}.url`;
    const file = sqlitePath(url);
    if (file !== undefined) {
      const checked = workspacePath(file);
      if (!checked.ok)
        return [
          {
            path,
            message: `the path ${checked.problem}`,
            found: file,
            hint: `${checked.hint}; for a database elsewhere write url: \${{ env.DATABASE_URL }}`,
          },
        ];
    }
    const same = file === undefined ? url.replace(/\s/g, '') : `sqlite:${normalPath(file)}`;
    const other = seen.get(same);
    if (other !== undefined)
      return [
        {
          path,
          message: `is the same database as "${other}"`,
          expected: 'one name for a database',
          hint: `use "${other}" in all steps`,
        },
      ];
    seen.set(same, name);
    return [];
  });
}

export function checkDatabaseName(plan: Plan, name: string, path: string): readonly PlanProblem[] {
  if (name.includes('${{') || Object.hasOwn(plan.databases, name)) return [];
  const names = Object.keys(plan.databases);
  const near = nearestName(name, names);
  return [
    {
      path,
      message: `undeclared database "${name}"`,
      expected: names.length === 0 ? 'one that the plan declares under `databases`' : `one of ${names.join(', ')}`,
      hint:
        near === undefined
          ? `declare it: databases: { ${name}: { url: "\${{ env.DATABASE_URL }}" } }`
          : `did you mean "${near}"?`,
    },
  ];
}

export function databaseOfFile(plan: Plan, path: string): string | undefined {
  const found = Object.entries(plan.databases).find(([, { url }]) => {
    const file = sqlitePath(url);
    return (
      file !== undefined && ['', '-wal', '-shm', '-journal'].some((suffix) => `${normalPath(file)}${suffix}` === path)
    );
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
