/** The watches of a plan: names of their own, paths inside the workspace, hosts that are listed. */
import { parseTemplate } from './template.ts';
import { shown, type PlanProblem } from './problem.ts';
import type { Plan, Watch } from './plan.ts';
import { checkUrl } from './check-url.ts';
import { checkPattern } from './check-path.ts';
import { checkDatabaseName } from './check-databases.ts';

export function checkWatches(plan: Plan): readonly PlanProblem[] {
  const names = new Map<string, number>();
  const endpoints = new Map<string, number>();
  return plan.watch.flatMap((watch, index) => {
    const at = `watch[${index}]`;
    if (watch.file !== undefined) return checkPattern(plan, watch.file, `${at}.file`);
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
