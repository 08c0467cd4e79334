/**
 * Puts the plans of files, and the SQL of bases, in the place of their paths, so that a history has a job's plan whole.
 *
 * Invariants
 * 1. A path starts at the folder of the plan that names it.
 * 2. Bounded: a plan that leads to itself is found, and so are plans that stand too deep within each other.
 */
import { LineCounter } from 'yaml';
import { jsonBytes, type Json, type JsonObject } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { isList } from '../../list.ts';
import { planRunStep } from '../../step/built-in/plan-run.ts';
import { MAX_SUB_PLAN_DEPTH } from '../plan-step.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { readValue } from './yaml.ts';

/** A plan with all within it. What is started is in a history, beside the job's input. */
export const MAX_PLAN_BYTES = 1024 * 1024;

/** The text of a file; throws where there is none. */
type ReadFile = (path: string) => string;

export interface Inlined {
  readonly value: unknown;
  readonly problems: readonly PlanProblem[];
}

/** @param file the plan's own path */
export function inlineSubPlans(value: unknown, file: string, readFile: ReadFile): Inlined {
  const problems: PlanProblem[] = [];
  const inlined = new Inliner(readFile, problems).plan(value, '', [normal(file)]);
  if (problems.length === 0 && inlined !== value && jsonBytes(inlined as Json) > MAX_PLAN_BYTES)
    problems.push({
      path: 'steps',
      message: 'the plan is too large with the plans within it',
      expected: `at most ${MAX_PLAN_BYTES} bytes as JSON`,
      found: `${jsonBytes(inlined as Json)} bytes`,
      hint: 'start what belongs together as a job of its own',
    });
  return { value: inlined, problems };
}

class Inliner {
  readonly #readFile: ReadFile;
  readonly #problems: PlanProblem[];

  constructor(readFile: ReadFile, problems: PlanProblem[]) {
    this.#readFile = readFile;
    this.#problems = problems;
  }

  /** @param chain the files around it, the outermost first, and its own */
  plan(value: unknown, at: string, chain: readonly string[]): unknown {
    if (!isObject(value) || !isList(value['steps'] ?? null)) return value;
    const steps = value['steps'] as readonly Json[];
    const before = at === '' ? '' : `${at}.`;
    const inlined = steps.map((step, index) => this.#step(step, `${before}steps[${index}]`, chain));
    const databases = this.#databases(value['databases'], `${before}databases`, chain);
    const isOther = databases !== value['databases'] || inlined.some((step, index) => step !== steps[index]);
    return isOther ? { ...value, ...defined({ databases }), steps: inlined } : value;
  }

  #databases(databases: Json | undefined, at: string, chain: readonly string[]): unknown {
    if (!isObject(databases)) return databases;
    const named = Object.entries(databases);
    if (!named.some(([, one]) => baseFileOf(one) !== undefined)) return databases;
    return Object.fromEntries(named.map(([name, one]) => [name, this.#database(one, `${at}.${name}.base`, chain)]));
  }

  #database(database: Json | undefined, path: string, chain: readonly string[]): unknown {
    const named = baseFileOf(database);
    if (named === undefined) return database;
    const file = besides(chain.at(-1)!, named);
    try {
      return { ...(database as JsonObject), base: this.#readFile(file) };
    } catch (error) {
      const message = `the base ${file} cannot be read: ${(error as Error).message}`;
      this.#problems.push({ path, message, hint: 'a path starts at the folder of the plan that names it' });
      return database;
    }
  }

  #step(step: Json, at: string, chain: readonly string[]): unknown {
    if (!isObject(step) || step['use'] !== planRunStep.name || step['plan'] === undefined) return step;
    const { plan } = step;
    const path = `${at}.plan`;
    if (typeof plan !== 'string') {
      const inner = this.plan(plan, path, chain);
      return inner === plan ? step : { ...step, plan: inner };
    }
    const read = this.#read(plan, path, chain);
    return read === undefined ? step : { ...step, plan: read };
  }

  #read(named: string, path: string, chain: readonly string[]): unknown {
    const file = besides(chain.at(-1)!, named);
    const problem = this.#whyNot(file, chain);
    if (problem !== undefined) return void this.#problems.push({ path, ...problem });
    let text: string;
    try {
      text = this.#readFile(file);
    } catch (error) {
      const message = `the plan ${file} cannot be read: ${(error as Error).message}`;
      return void this.#problems.push({ path, message, hint: 'a path starts at the folder of the plan that names it' });
    }
    const read = readValue(text, new LineCounter());
    if (read.ok) return this.plan(read.value, path, [...chain, file]);
    for (const { message } of read.problems)
      this.#problems.push({ path, message: `${file}: ${message}`, hint: `holdfast check ${file} shows where` });
    return undefined;
  }

  #whyNot(file: string, chain: readonly string[]): Omit<PlanProblem, 'path'> | undefined {
    if (chain.includes(file))
      return {
        message: 'a plan runs itself',
        found: [...chain.slice(chain.indexOf(file)), file].join(' → '),
        hint: 'let the step run in rounds where it is to be repeated: until, maxRounds',
      };
    if (chain.length <= MAX_SUB_PLAN_DEPTH) return undefined;
    const expected = `at most ${MAX_SUB_PLAN_DEPTH} plans within one another`;
    return { message: 'plans stand too deep within each other', expected, found: [...chain, file].join(' → ') };
  }
}

/** Of a database whose base is a file's: its path. */
function baseFileOf(database: Json | undefined): string | undefined {
  const base = isObject(database) ? database['base'] : undefined;
  return typeof base === 'string' && base.startsWith('@') ? base.slice(1) : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The path from where the other one starts. */
function besides(file: string, named: string): string {
  if (named.startsWith('/')) return normal(named);
  const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/') + 1) : '';
  return normal(`${folder}${named}`);
}

function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    const isUp = part === '..' && parts.length > 0 && parts.at(-1) !== '..';
    if (isUp) parts.pop();
    else if (part !== '..' || !path.startsWith('/')) parts.push(part);
  }
  return `${path.startsWith('/') ? '/' : ''}${parts.join('/')}`;
}
