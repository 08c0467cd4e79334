/**
 * A job's state: what it carries from step to step, as plain JSON.
 *
 * Invariants
 * 1. State is a pure function of the plan and the finished steps' outputs, folded super-step by super-step, within one
 *    in plan order. Who was faster never shows.
 * 2. It is plain JSON of at most 256 KiB, and fits the schemas that the plan gives.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson, type Json, type JsonObject } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { isList } from '../../list.ts';
import { validatorOf } from '../json-schema.ts';
import type { Plan } from '../plan.ts';
import { problemsFromZod } from '../problem/from-zod.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { resolve } from '../reference/resolve.ts';

export const MAX_STATE_BYTES = 262_144;

export interface FinishedStep {
  readonly stepId: string;
  readonly output: Json;
}

/** The state before any step: `initial` of each key; else null, for `append` an empty list. */
export function initialState(plan: Plan): JsonObject {
  return Object.fromEntries(
    Object.entries(plan.state).map(([key, declared]) => [
      key,
      declared.initial ?? (declared.reducer === 'append' ? [] : null),
    ]),
  );
}

/**
 * The state after a super-step. The order of `finished` does not matter: plan order does. Pure; the given state is
 * not changed.
 * @throws HoldfastError `not-json`, `too-large`, or `bad-output` when the output lacks what the plan refers to or the
 *   value does not fit its schema; `details.stepId` names the step
 */
export function foldState(plan: Plan, state: JsonObject, finished: readonly FinishedStep[]): JsonObject {
  const outputs = new Map(finished.map(({ stepId, output }) => [stepId, output]));
  const writers = plan.steps.filter((step) => outputs.has(step.id) && Object.keys(step.state).length > 0);
  if (writers.length === 0) return state;
  const next: Record<string, Json> = { ...state };
  for (const step of writers) {
    for (const [key, expression] of Object.entries(step.state)) {
      const declared = plan.state[key];
      if (declared === undefined)
        throw new HoldfastError(
          'bad-plan',
          `Step "${step.id}" writes state "${key}", which the plan does not declare.`,
          { stepId: step.id, key },
        );
      const value = mapped(step.id, key, expression, outputs.get(step.id)!);
      next[key] = declared.reducer === 'append' ? append(step.id, key, next[key] ?? [], value) : value;
      checkValue(step.id, key, declared.schema, next[key]);
    }
  }
  checkSize(next, writers.at(-1)!.id);
  return next;
}

function mapped(stepId: string, key: string, expression: Json, output: Json): Json {
  let value: Json;
  try {
    value = resolve(expression, { output });
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new HoldfastError(
      'bad-output',
      `State "${key}" cannot be taken from the output of step "${stepId}": ${cause.message}`,
      { stepId, key },
      { cause },
    );
  }
  try {
    canonicalJson(value, `state.${key}`);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new HoldfastError(
      cause.type,
      `Step "${stepId}" gives a state that is not plain JSON: ${cause.message}`,
      { ...cause.details, stepId, key },
      { cause },
    );
  }
  return value;
}

function append(stepId: string, key: string, list: Json, value: Json): Json {
  if (!isList(list))
    throw new HoldfastError(
      'bad-output',
      `State "${key}" has the reducer append but holds no list, so step "${stepId}" cannot add to it.`,
      { stepId, key },
    );
  return isList(value) ? [...list, ...value] : [...list, value];
}

function checkValue(stepId: string, key: string, schema: Plan['state'][string]['schema'], value: Json): void {
  if (schema === undefined) return;
  const validator = validatorOf(schema);
  const result = validator.safeParse(value);
  if (result.success) return;
  const problems = problemsFromZod(result.error, value, validator, `state.${key}`);
  const what = `After step "${stepId}" the state does not fit the schema that the plan gives`;
  throw new HoldfastError('bad-output', `${what}: ${problems.map(problemText).join('; ')}.`, { stepId, key });
}

function problemText({ path, message, expected, found = 'nothing' }: PlanProblem): string {
  const sides = expected === undefined ? '' : ` (expected ${expected}, found ${found})`;
  return `${path} ${message}${sides}`;
}

function checkSize(state: JsonObject, stepId: string): void {
  const sizeBytes = utf8ToBytes(canonicalJson(state, 'state')).length;
  if (sizeBytes <= MAX_STATE_BYTES) return;
  const sizes = Object.entries(state).map(([key, value]) => ({ key, sizeBytes: canonicalJson(value).length }));
  const [largest] = sizes.sort((a, b) => b.sizeBytes - a.sizeBytes);
  throw new HoldfastError(
    'too-large',
    `After step "${stepId}" the job's state has ${sizeBytes} bytes; at most ${MAX_STATE_BYTES} are allowed. ` +
      `The largest part is "${largest!.key}" with about ${largest!.sizeBytes}.`,
    { stepId, sizeBytes, maxBytes: MAX_STATE_BYTES },
  );
}
