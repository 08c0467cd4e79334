/**
 * Explores the model: every state that can be reached within bounds and a depth, the nearest first, so that a
 * counterexample is a shortest one; and random walks that go on where that ends.
 */
import { hash } from 'node:crypto';
import { interruptionsOf, operationsIn, type Bounds, type Operation } from './operations.ts';
import { perform, type Done } from './perform.ts';
import type { Rules } from './rules.ts';
import { Violation } from './running.ts';
import { copy, firstState, type State } from './state.ts';
import { wordsOf } from './words.ts';

export interface Explored {
  readonly states: number;
  readonly steps: number;
  /** How many operations deep. */
  readonly depth: number;
  /** Was everything within the bounds seen? */
  readonly isWhole: boolean;
  readonly counterexample?: Counterexample;
}

export interface Counterexample {
  readonly violation: Violation;
  readonly operations: readonly Operation[];
  /** One line an operation. */
  readonly words: string;
}

export interface Limits {
  readonly depth?: number;
  readonly states?: number;
}

interface Reached {
  readonly from: number;
  readonly operation: Operation | undefined;
}

export function explore(rules: Rules, bounds: Bounds, { depth = 100, states = 1_000_000 }: Limits = {}): Explored {
  const reached: Reached[] = [{ from: -1, operation: undefined }];
  const first = JSON.stringify(firstState());
  const seen = new Set([keyOf(first)]);
  let frontier: [number, string][] = [[0, first]];
  let steps = 0;
  let level = 0;
  for (; frontier.length > 0 && level < depth; level++) {
    const next: [number, string][] = [];
    for (const [index, text] of frontier) {
      const state = JSON.parse(text) as State;
      for (const [operation, done] of everyOperation(state, bounds, rules)) {
        steps += 1;
        if (done instanceof Violation) {
          const operations = [...pathTo(reached, index), operation];
          return { states: seen.size, steps, depth: level + 1, isWhole: false, counterexample: told(done, operations) };
        }
        const after = JSON.stringify(done);
        const key = keyOf(after);
        if (seen.has(key)) continue;
        seen.add(key);
        reached.push({ from: index, operation });
        next.push([reached.length - 1, after]);
      }
      if (seen.size > states) return { states: seen.size, steps, depth: level, isWhole: false };
    }
    frontier = next;
  }
  return { states: seen.size, steps, depth: level, isWhole: frontier.length === 0 };
}

/** Each operation of a state, and each of them with each interruption; with what comes of it. */
export function* everyOperation(
  state: State,
  bounds: Bounds,
  rules: Rules,
): Generator<readonly [operation: Operation, after: State | Violation]> {
  for (const operation of operationsIn(state, bounds)) {
    const done = attempted(state, operation, rules);
    yield [operation, done instanceof Violation ? done : done.state];
    if (!mayBeInterrupted(operation) || done instanceof Violation) continue;
    for (const at of interruptionsOf(state, bounds, done.passed)) {
      const interrupted = { ...operation, at } as Operation;
      yield [interrupted, tryOperation(state, interrupted, rules)];
    }
  }
}

function attempted(state: State, operation: Operation, rules: Rules): Done | Violation {
  try {
    return perform(state, operation, rules);
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  }
}

function tryOperation(state: State, operation: Operation, rules: Rules): State | Violation {
  const done = attempted(state, operation, rules);
  return done instanceof Violation ? done : done.state;
}

export function mayBeInterrupted({ op }: Operation): boolean {
  return op === 'step' || op === 'compare' || op === 'decide' || op === 'begin undo' || op === 'undo next';
}

function keyOf(text: string): string {
  return hash('sha1', text, 'base64').slice(0, 16);
}

function pathTo(reached: readonly Reached[], index: number): Operation[] {
  const path: Operation[] = [];
  for (let at = index; at > 0; at = reached[at]!.from) path.unshift(reached[at]!.operation!);
  return path;
}

export function told(violation: Violation, operations: readonly Operation[]): Counterexample {
  const words = [...operations.map((one, at) => `${at + 1}. ${wordsOf(one)}`), `→ ${violation.message}`].join('\n');
  return { violation, operations, words };
}

/** A walk of so many operations; the same for the same numbers in [0, 1). */
export function walk(
  rules: Rules,
  bounds: Bounds,
  { random, length }: { readonly random: () => number; readonly length: number },
): { readonly state: State; readonly operations: readonly Operation[]; readonly counterexample?: Counterexample } {
  let state = copy(firstState());
  const operations: Operation[] = [];
  for (let taken = 0; taken < length; taken++) {
    const operation = anyOperation(state, bounds, rules, random);
    if (operation === undefined) break;
    operations.push(operation);
    const done = tryOperation(state, operation, rules);
    if (done instanceof Violation) return { state, operations, counterexample: told(done, operations) };
    state = done;
  }
  return { state, operations };
}

/** The Workflow's own turn half of the time, or a job would hardly get anywhere; interrupted a third of the time. */
export function anyOperation(state: State, bounds: Bounds, rules: Rules, random: () => number): Operation | undefined {
  const all = operationsIn(state, bounds);
  const own = all.filter(mayBeInterrupted);
  const from = own.length > 0 && random() < 0.6 ? own : all;
  const operation = from[Math.floor(random() * from.length)];
  if (operation === undefined || !mayBeInterrupted(operation) || random() > 0.35) return operation;
  const done = attempted(state, operation, rules);
  const interruptions = done instanceof Violation ? [] : interruptionsOf(state, bounds, done.passed);
  const at = interruptions[Math.floor(random() * interruptions.length)];
  return at === undefined ? operation : ({ ...operation, at } as Operation);
}
