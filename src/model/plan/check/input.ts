/**
 * Does what a plan gives a step fit the step's input schema, as far as that is known before the job runs?
 */
import * as z from 'zod';
import type { Json } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { waitStep } from '../../step/built-in/wait.ts';
import type { StepContract } from '../../step/step.ts';
import { unknownFields } from '../../step/unknown-fields.ts';
import type { PlanStep } from '../plan.ts';
import { problemsFromZod } from '../problem/from-zod.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { unknownName } from '../problem/unknown-name.ts';
import { valueAt } from '../problem/value-path.ts';
import { resolve } from '../reference/resolve.ts';

export function checkStepInput(step: PlanStep, contract: StepContract | undefined, at: string): readonly PlanProblem[] {
  return [
    ...checkWith(step, contract, at),
    ...checkRetry(step, at),
    ...(step.use === waitStep.name ? checkWaitOptions(step, at) : []),
  ];
}

function checkWith(step: PlanStep, contract: StepContract | undefined, at: string): readonly PlanProblem[] {
  if (contract === undefined) return [];
  const given = unescaped(step.with);
  let parsed: z.ZodSafeParseResult<unknown>;
  try {
    parsed = contract.input.safeParse(given);
  } catch {
    // A schema with asynchronous parts can be checked by the worker only.
    return [];
  }
  const dropped = droppedFields(given, contract, `${at}.with`);
  if (parsed.success) return dropped;
  // What a reference will yield is not known yet, so nothing is said about a value that holds one; a field that the
  // step does not know is wrong whatever it holds.
  const certain = parsed.error.issues.filter((issue) =>
    issue.code === 'unrecognized_keys'
      ? typeof valueAt(step.with, issue.path) === 'object'
      : !holdsReference(valueAt(step.with, issue.path)),
  );
  return [...problemsFromZod(new z.core.$ZodError(certain), step.with, contract.input, `${at}.with`), ...dropped];
}

/** Fields that the contract would drop without a word. */
function droppedFields(given: Json, contract: StepContract, at: string): readonly PlanProblem[] {
  return unknownFields(contract.input, given).map(({ path, name, known }) =>
    unknownName({ path: [at, ...path, name].join('.'), what: 'field', name, known }),
  );
}

function checkRetry(step: PlanStep, at: string): readonly PlanProblem[] {
  if (step.retry === undefined || step.retry.maxIntervalMs >= step.retry.initialIntervalMs) return [];
  return [
    {
      path: `${at}.retry.initialIntervalMs`,
      message: 'is longer than the longest interval',
      expected: `at most maxIntervalMs, ${step.retry.maxIntervalMs}`,
      found: String(step.retry.initialIntervalMs),
      hint: `set maxIntervalMs to at least ${step.retry.initialIntervalMs}`,
    },
  ];
}

/** A wait is a timer: it has no attempts and changes nothing. */
function checkWaitOptions(step: PlanStep, at: string): readonly PlanProblem[] {
  return (['retry', 'resume', 'timeoutMs', 'approval'] as const).flatMap((option) =>
    step[option] === undefined
      ? []
      : [
          {
            path: `${at}.${option}`,
            message: `means nothing for "wait", which is a timer`,
            hint: 'remove it, or put it on the step that follows',
          },
        ],
  );
}

/** Literal text as the step will get it; text with references stays as it is. */
function unescaped(value: Json): Json {
  if (typeof value === 'string') return holdsReference(value) ? value : resolve(value, {});
  if (Array.isArray(value)) return value.map((item: Json) => unescaped(item));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, unescaped(member as Json)]));
  return value;
}

function holdsReference(value: unknown): boolean {
  if (typeof value === 'string') {
    try {
      return resolve(value, {}) === undefined;
    } catch (error) {
      // Either it has a reference or it cannot be read; both are reported elsewhere.
      return error instanceof HoldfastError;
    }
  }
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsReference);
}
