/**
 * Files, tables and databases that a plan names: are they declared, inside the workspace, and does no step write what
 * another one reads or writes at the same time?
 */
import { builtInDatabase, builtInPaths, builtInUrl } from '../../step/built-in/mentions.ts';
import type { PlanGraph } from '../graph/graph.ts';
import type { Plan, PlanStep } from '../plan.ts';
import { shown } from '../../shown-value.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { checkDatabases, checkDatabaseName } from './databases.ts';
import { checkParallel } from './parallel.ts';
import { checkPath, checkClaim } from './path.ts';
import { checkUrl } from './url.ts';
import { checkWatches } from './watches.ts';

/** @param graph undefined when the plan has none: then nothing is said about steps at the same time */
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
