/** The watches of a plan: names of their own, paths inside the workspace, hosts that are listed. */
import type { Plan, Watch } from '../plan.ts';
import { shown } from '../../shown-value.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { parseTemplate } from '../reference/template.ts';
import { checkDatabaseName } from './databases.ts';
import { checkPattern } from './path.ts';
import { checkUrl } from './url.ts';

export function checkWatches(plan: Plan): readonly PlanProblem[] {
  const queries = new Map<string, number>();
  const endpoints = new Map<string, number>();
  return plan.watch.flatMap((watch, index) => {
    const at = `watch[${index}]`;
    const { file, schema, endpoint, query } = watch;
    if (file !== undefined) return checkPattern(plan, file, `${at}.file`);
    if (schema !== undefined) return checkDatabaseName(plan, schema.split('/')[0]!, `${at}.schema`);
    if (endpoint !== undefined)
      return [
        ...checkName(endpoints, endpoint.name, index, 'endpoint'),
        ...checkEndpoint(plan, endpoint, `${at}.endpoint`),
      ];
    if (query === undefined) return [];
    return [
      ...checkName(queries, query.name, index, 'query'),
      ...checkDatabaseName(plan, query.database, `${at}.query.database`),
    ];
  });
}

/** @param names name → index of the first watch that has it */
function checkName(
  names: Map<string, number>,
  name: string,
  index: number,
  kind: 'query' | 'endpoint',
): readonly PlanProblem[] {
  const first = names.get(name);
  names.set(name, first ?? index);
  if (first === undefined) return [];
  return [
    {
      path: `watch[${index}].${kind}.name`,
      message: `"${name}" is already the name of watch[${first}]`,
      expected: `a name of its own for each ${kind}`,
    },
  ];
}

function checkEndpoint(plan: Plan, { url, json }: NonNullable<Watch['endpoint']>, at: string): readonly PlanProblem[] {
  const problems = [...checkUrl(plan, url, `${at}.url`)];
  if (json !== undefined && !isJsonPath(json))
    problems.push({
      path: `${at}.json`,
      message: 'is not a path',
      found: shown(json),
      hint: 'write names and indexes: info.version, services[0]["api version"]',
    });
  return problems;
}

function isJsonPath(path: string): boolean {
  if (path.includes('${{')) return true;
  const separator = path.startsWith('[') ? '' : '.';
  try {
    return parseTemplate(`\${{ output${separator}${path} }}`).length === 1;
  } catch {
    return false;
  }
}
