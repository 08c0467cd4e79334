/** Reads a plan's file and what `--input` and NAME=VALUE give it. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Json, JsonObject } from '../model/canonical-json.ts';
import { HoldfastError } from '../model/failure.ts';
import { correctPlan, listProblems, type PlanProblem } from '../model/plan/problem/problem.ts';
import { parsePlan } from '../model/plan/text/text.ts';
import type { CheckedPlan } from '../model/plan/check/check.ts';
import { misspelledName, nearestName } from '../model/nearest-name.ts';
import type { Plan } from '../model/plan/plan.ts';
import { BUILT_IN_STEPS } from '../model/step/built-in/steps.ts';
import type { StepContract } from '../model/step/step.ts';
import type { Terminal } from './terminal.ts';
import { defined } from '../model/defined.ts';

const BUILT_IN_NAMES = BUILT_IN_STEPS.map(({ name }) => name);

/** `-` is standard input. @throws HoldfastError `not-found`, `bad-input` */
export async function readTextFile(terminal: Terminal, file: string, what: string): Promise<string> {
  if (file === '-') return await terminal.readInput();
  const absolute = path.resolve(terminal.cwd, file);
  try {
    return readFileSync(absolute, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new HoldfastError(
        'not-found',
        `There is no ${what} ${absolute}.`,
        { file: absolute, nextStep: 'Check the path.' },
        { cause },
      );
    throw new HoldfastError(
      'bad-input',
      `The ${what} ${absolute} cannot be read (${code ?? String(cause)}).`,
      { file: absolute },
      { cause },
    );
  }
}

/** Steps that are neither built in nor known here: whether there is such a one is the worker's to know. */
export function stepsOnTrust(plan: Plan, knownSteps: readonly StepContract[] | undefined): readonly string[] {
  if (knownSteps !== undefined) return [];
  return [...new Set(usesOf(plan))].filter((use) => !BUILT_IN_NAMES.includes(use));
}

/** Of a plan whose sub-plans are checked: their steps, too. */
function usesOf({ steps }: Pick<Plan, 'steps'>): readonly string[] {
  return steps.flatMap(({ use, plan }) => [use, ...(plan === undefined ? [] : usesOf(plan as unknown as Plan))]);
}

/** `file.wirte (did you mean file.write?)` */
export function builtInMeant(use: string): string {
  const near = nearestName(use, BUILT_IN_NAMES);
  return near === undefined ? use : `${use} (did you mean ${near}?)`;
}

/** One slip away from a built-in step it is hardly a step of one's own. @throws HoldfastError `bad-plan` */
export function refuseMisspelledStep(onTrust: readonly string[]): void {
  for (const use of onTrust) {
    const meant = misspelledName(use, BUILT_IN_NAMES);
    if (meant === undefined) continue;
    throw new HoldfastError(
      'bad-plan',
      `The plan uses a step ${use}, which no configuration names. Did you mean ${meant}?`,
      { step: use, nextStep: 'Correct the plan; if it is a step of yours, name its module with --steps.' },
    );
  }
}

/** Every problem with its line. `knownSteps` undefined: steps that are not built in are taken on trust. */
export async function checkPlanFile(
  terminal: Terminal,
  file: string,
  knownSteps: readonly StepContract[] | undefined,
): Promise<CheckedPlan> {
  const text = await readTextFile(terminal, file, 'plan');
  const readFile = (subPlan: string): string => {
    if (!existsSync(subPlan)) throw new Error('there is no such file');
    return readFileSync(subPlan, 'utf8');
  };
  const filename = file === '-' ? path.resolve(terminal.cwd, 'plan') : path.resolve(terminal.cwd, file);
  return parsePlan(text, { readFile, filename, ...defined({ knownSteps }) });
}

/** For a command that can't go on with it. */
export function badPlan(problems: readonly PlanProblem[], file: string): HoldfastError {
  const message = `${file} cannot be used.\n${listProblems(problems, file)}`;
  return new HoldfastError('bad-plan', message, { file, problems, nextStep: correctPlan(problems, file) });
}

/**
 * The job's input from JSON, `@file`, `-` (standard input) and `name=value`, later ones over earlier ones.
 * In `name=value` the value is JSON where it is JSON and the plan doesn't ask for text.
 * @throws HoldfastError `bad-input`
 */
export async function readInput(terminal: Terminal, plan: Plan, given: readonly string[]): Promise<JsonObject> {
  const input: Record<string, Json> = {};
  for (const one of given) {
    const pair = /^([A-Za-z_][\w-]*)=(.*)$/s.exec(one);
    if (pair !== null) input[pair[1]!] = valueOf(plan, pair[1]!, pair[2]!);
    else if (one === '-' || one.startsWith('@'))
      Object.assign(input, parseObject(await readTextFile(terminal, one === '-' ? '-' : one.slice(1), 'input'), one));
    else Object.assign(input, parseObject(one, '--input'));
  }
  return input;
}

function valueOf(plan: Plan, name: string, text: string): Json {
  if (plan.input?.properties?.[name]?.type === 'string') return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function parseObject(text: string, where: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError(
      'bad-input',
      `${where} is not JSON: ${(cause as Error).message}. ` +
        'Expected {"name": value}, @file, - for standard input, or name=value.',
      {},
      { cause },
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new HoldfastError(
    'bad-input',
    `${where} is not an object. Expected {"name": value}, @file, - for standard input, or name=value.`,
  );
}
