/**
 * What a plan becomes when a job starts: its input checked and completed, its workspace, watches and databases named.
 *
 * Invariant: an environment variable's value is used on the worker and returned to no one else; nothing here may be
 * called with `env` in a Workflow, whose results are history.
 */
import { canonicalJson, type Json, type JsonObject } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { firstOf } from '../../shown-value.ts';
import { validatorOf } from '../json-schema.ts';
import type { Plan, Watch } from '../plan.ts';
import { problemsFromZod } from '../problem/from-zod.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { resolve } from '../reference/resolve.ts';

/**
 * The job's input, defaults filled in. Pure; safe to repeat on its own result.
 * @throws HoldfastError `bad-input` that lists every problem, `not-json`
 */
export function parseInput(plan: Plan, input: unknown): JsonObject {
  const given = input ?? {};
  canonicalJson(given, 'input');
  const validator = validatorOf(plan.input ?? { type: 'object', properties: {} });
  const result = validator.safeParse(given);
  if (result.success) return result.data as JsonObject;
  const problems = problemsFromZod(result.error, given, validator, 'input');
  const takes = plan.input?.properties && `: ${Object.keys(plan.input.properties).join(', ') || 'none'}`;
  const lines = [
    `The input does not fit the plan "${plan.name}".`,
    ...firstOf(problems.map(problemLine)),
    `It takes${takes ?? ' none'}.`,
  ];
  throw new HoldfastError('bad-input', lines.join('\n'), { problems });
}

function problemLine({ path, message, expected, found, hint }: PlanProblem): string {
  const parts = [`${path}: ${message}`];
  if (expected !== undefined) parts.push(`expected ${expected}`);
  if (found !== undefined) parts.push(`found ${found}`);
  if (hint !== undefined) parts.push(hint);
  return `  ${parts.join('; ')}`;
}

/**
 * The workspace's path as the plan has it, references replaced. The worker resolves it against its root.
 * @throws HoldfastError `bad-input`
 */
export function workspaceOf(plan: Plan, input: JsonObject): string {
  const path = resolve(plan.workspace, { input });
  // An input must not lead out of the folder that the plan means.
  if (typeof path === 'string' && path.trim() !== '' && !path.includes('\0') && !path.split('/').includes('..'))
    return path;
  throw new HoldfastError(
    'bad-input',
    `The plan's workspace is ${plan.workspace}, which gives ${JSON.stringify(path)}. Expected a path without \`..\`.`,
    { workspace: plan.workspace },
  );
}

/** The watches with references replaced. @throws HoldfastError `bad-input` */
export function watchesOf(plan: Plan, input: JsonObject, jobId: string): readonly Watch[] {
  return plan.watch.map((watch) => resolve(watch as Json, { input, job: { id: jobId } }) as Watch);
}

/**
 * The databases with their URLs, in plan order. For the worker only: URLs hold passwords.
 * @throws HoldfastError `missing-variable`
 */
export function databasesOf(
  plan: Plan,
  env: Readonly<Record<string, string | undefined>>,
): readonly { readonly name: string; readonly url: string }[] {
  return Object.entries(plan.databases).map(([name, { url }]) => ({ name, url: resolve(url, { env }) as string }));
}
