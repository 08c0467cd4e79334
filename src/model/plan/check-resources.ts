/**
 * Files, tables and databases that a plan names: are they declared, inside the workspace, and does no step write what
 * another one reads or writes at the same time?
 */
import { builtInDatabase, builtInPaths, builtInReads, builtInUrl, builtInWrites } from '../step/built-in-steps.ts';
import { parseTemplate } from './expression.ts';
import { HoldfastError } from '../failure.ts';
import { allowedUrl } from '../step/http-host.ts';
import { reach, type PlanGraph } from './graph.ts';
import { overlaps, parseClaim, workspacePath, type Claim } from '../step/declared-path.ts';
import { nearestName, shown, type PlanProblem } from './problem.ts';
import type { Plan, PlanStep, Watch } from './plan.ts';

/** @param graph left out when the plan has none: then nothing is said about steps at the same time */
export function checkResources(plan: Plan, graph: PlanGraph | undefined): readonly PlanProblem[] {
  return [
    ...checkWorkspace(plan),
    ...checkDatabases(plan),
    ...checkWatches(plan),
    ...plan.steps.flatMap((step, index) => checkStep(plan, step, `steps[${index}]`)),
    ...(graph === undefined ? [] : checkParallel(plan, graph)),
  ];
}

function checkWorkspace(plan: Plan): readonly PlanProblem[] {
  if (!plan.workspace.split('/').includes('..') && !plan.workspace.includes('\0')) return [];
  return [
    {
      path: 'workspace',
      message: 'holds `..`',
      found: shown(plan.workspace),
      hint: "name the folder itself: relative to the worker's root, or absolute",
    },
  ];
}

function checkDatabases(plan: Plan): readonly PlanProblem[] {
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

function checkWatches(plan: Plan): readonly PlanProblem[] {
  const names = new Map<string, number>();
  const endpoints = new Map<string, number>();
  return plan.watch.flatMap((watch, index) => {
    const at = `watch[${index}]`;
    if (watch.file !== undefined) return checkPath(plan, watch.file, `${at}.file`);
    if (watch.schema !== undefined) return checkDatabaseName(plan, watch.schema.split('/')[0]!, `${at}.schema`);
    if (watch.endpoint !== undefined) return checkEndpoint(plan, watch.endpoint, `${at}.endpoint`, endpoints, index);
    if (watch.query === undefined) return [];
    const first = names.get(watch.query.name);
    names.set(watch.query.name, first ?? index);
    return [
      ...(first === undefined
        ? []
        : [
            {
              path: `${at}.query.name`,
              message: `"${watch.query.name}" is already the name of watch[${first}]`,
              expected: 'a name of its own for each query',
            },
          ]),
      ...checkDatabaseName(plan, watch.query.database, `${at}.query.database`),
    ];
  });
}

function checkEndpoint(
  plan: Plan,
  { name, url, json }: NonNullable<Watch['endpoint']>,
  at: string,
  names: Map<string, number>,
  index: number,
): readonly PlanProblem[] {
  const first = names.get(name);
  names.set(name, first ?? index);
  return [
    ...(first === undefined
      ? []
      : [
          {
            path: `${at}.name`,
            message: `"${name}" is already the name of watch[${first}]`,
            expected: 'a name of its own for each endpoint',
          },
        ]),
    ...checkUrl(plan, url, `${at}.url`),
    ...(json === undefined || isJsonPath(json)
      ? []
      : [
          {
            path: `${at}.json`,
            message: 'is not a path',
            found: shown(json),
            hint: 'write names and indexes: info.version, services[0]["api version"]',
          },
        ]),
  ];
}

function isJsonPath(path: string): boolean {
  try {
    return (
      path.includes('${{') || parseTemplate(`\${{ output${path.startsWith('[') ? '' : '.'}${path} }}`).length === 1
    );
  } catch {
    return false;
  }
}

function checkUrl(plan: Plan, url: string, path: string): readonly PlanProblem[] {
  if (url.includes('${{')) return [];
  try {
    allowedUrl(plan.http?.hosts ?? [], url);
    return [];
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const host = error.details['host'];
    if (typeof host !== 'string') return [{ path, message: error.message.replace(/\.$/, '') }];
    const hosts = plan.http?.hosts ?? [];
    return [
      {
        path,
        message: `calls ${host}, which the plan does not list`,
        expected: hosts.length === 0 ? 'a host that the plan lists under `http.hosts`' : `one of ${hosts.join(', ')}`,
        hint: `list it: http: { hosts: [${host}] }`,
      },
    ];
  }
}

function checkStep(plan: Plan, step: PlanStep, at: string): readonly PlanProblem[] {
  const database = builtInDatabase(step.use, step.with);
  const url = builtInUrl(step.use, step.with);
  return [
    ...(url === undefined ? [] : checkUrl(plan, url, `${at}.with.url`)),
    ...builtInPaths(step.use, step.with).flatMap(({ field, path }) => checkPath(plan, path, `${at}.with.${field}`)),
    ...(database === undefined ? [] : checkDatabaseName(plan, database, `${at}.with.database`)),
    ...step.reads.flatMap((text, index) => checkClaim(plan, text, `${at}.reads[${index}]`)),
    ...step.writes.flatMap((text, index) => checkClaim(plan, text, `${at}.writes[${index}]`)),
  ];
}

function checkPath(plan: Plan, path: string, at: string): readonly PlanProblem[] {
  if (path.includes('${{')) return [];
  const checked = workspacePath(path);
  if (!checked.ok)
    return [{ path: at, message: `the path ${checked.problem}`, found: JSON.stringify(path), hint: checked.hint }];
  const database = databaseOfFile(plan, checked.value);
  return database === undefined
    ? []
    : [
        {
          path: at,
          message: `is the file of the database "${database}"`,
          found: JSON.stringify(path),
          hint: 'use the db.* steps, or ctx.db, for what is in it',
        },
      ];
}

function checkClaim(plan: Plan, text: string, at: string): readonly PlanProblem[] {
  if (text.includes('${{')) return [];
  const claim = parseClaim(text);
  if (!claim.ok) return [{ path: at, message: `"${text}" ${claim.problem}`, hint: claim.hint }];
  if (claim.value.database !== undefined) return checkDatabaseName(plan, claim.value.database, at);
  return checkPath(plan, text.slice('file:'.length), at);
}

function checkDatabaseName(plan: Plan, name: string, path: string): readonly PlanProblem[] {
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

interface StepClaim {
  readonly step: string;
  readonly claim: Claim;
  readonly writes: boolean;
}

/** Two steps without a path between them may run at the same time. */
function checkParallel(plan: Plan, graph: PlanGraph): readonly PlanProblem[] {
  const claims = plan.steps.flatMap(claimsOf);
  const beyond = new Map<string, ReadonlySet<string>>();
  const comesBefore = (a: string, b: string): boolean => {
    if (!beyond.has(a)) beyond.set(a, reach(graph.usersOf, [a]));
    return beyond.get(a)!.has(b);
  };
  const told = new Set<string>();
  const problems: PlanProblem[] = [];
  for (const [index, a] of claims.entries()) {
    for (const b of claims.slice(index + 1)) {
      if (a.step === b.step || !(a.writes || b.writes) || !overlaps(a.claim, b.claim)) continue;
      const pair = `${a.step} ${b.step}`;
      if (told.has(pair) || comesBefore(a.step, b.step) || comesBefore(b.step, a.step)) continue;
      told.add(pair);
      problems.push(conflict(plan, a, b));
    }
  }
  return problems;
}

function conflict(plan: Plan, a: StepClaim, b: StepClaim): PlanProblem {
  const index = plan.steps.findIndex((step) => step.id === b.step);
  const resources =
    a.claim.resource === b.claim.resource ? a.claim.resource : `${a.claim.resource} and ${b.claim.resource}`;
  const what =
    a.writes && b.writes
      ? `both write ${resources}`
      : `"${(a.writes ? a : b).step}" writes what "${(a.writes ? b : a).step}" reads: ${resources}`;
  return {
    path: `steps[${index}]`,
    message: `steps "${a.step}" and "${b.step}" may run at the same time, and ${what}`,
    expected: 'one step at a time on a resource that is written',
    hint: `let one wait for the other: needs: [${a.step}] in step "${b.step}"`,
  };
}

function claimsOf(step: PlanStep): readonly StepClaim[] {
  const declared = (texts: readonly string[]): readonly Claim[] =>
    texts
      .flatMap((text) => (text.includes('${{') ? [] : [parseClaim(text)]))
      .flatMap((claim) => (claim.ok ? [claim.value] : []));
  return [
    ...[...declared(step.writes), ...builtInWrites(step.use, step.with)].map((claim) => ({
      step: step.id,
      claim,
      writes: true,
    })),
    ...[...declared(step.reads), ...builtInReads(step.use, step.with)].map((claim) => ({
      step: step.id,
      claim,
      writes: false,
    })),
  ];
}

function databaseOfFile(plan: Plan, path: string): string | undefined {
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
