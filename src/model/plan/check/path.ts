/** Paths and claims that a plan names: inside the workspace, and no database's own file. */
import { parseClaim } from '../../step/claim.ts';
import { patternProblem } from '../../step/file-pattern.ts';
import { workspacePath } from '../../step/workspace-path.ts';
import type { Plan } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { checkDatabaseName, databaseOfFile } from './databases.ts';

export function checkPath(plan: Plan, path: string, at: string): readonly PlanProblem[] {
  if (path.includes('${{')) return [];
  const checked = workspacePath(path);
  if (!checked.ok)
    return [{ path: at, message: `the path ${checked.problem}`, found: JSON.stringify(path), hint: checked.hint }];
  const database = databaseOfFile(plan, checked.value);
  if (database === undefined) return [];
  const message = `is the file of the database "${database}"`;
  const hint = 'use the db.* steps, or ctx.db, for what is in it';
  return [{ path: at, message, found: JSON.stringify(path), hint }];
}

/** A path, or a pattern that names many. */
export function checkPattern(plan: Plan, pattern: string, at: string): readonly PlanProblem[] {
  const refused = pattern.includes('${{') ? undefined : patternProblem(pattern);
  if (refused === undefined) return checkPath(plan, pattern, at);
  const { problem, hint } = refused;
  return [{ path: at, message: `the pattern ${problem}`, found: JSON.stringify(pattern), hint }];
}

export function checkClaim(plan: Plan, text: string, at: string): readonly PlanProblem[] {
  if (text.includes('${{')) return [];
  const claim = parseClaim(text);
  if (!claim.ok) return [{ path: at, message: `"${text}" ${claim.problem}`, hint: claim.hint }];
  if (claim.value.database !== undefined) return checkDatabaseName(plan, claim.value.database, at);
  return checkPath(plan, text.slice('file:'.length), at);
}
