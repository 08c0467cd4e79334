/** The model's operations as commands of fast-check, which finds the shortest walk on which model and code disagree. */
import fc from 'fast-check';
import { performBoth } from './agreement.ts';
import { anyOperation } from './explore.ts';
import { operationsIn, type Bounds, type Operation } from './operations.ts';
import type { WalkedJob } from './real-job.ts';
import { rulesWithout } from './rules.ts';
import { firstState, type State } from './state.ts';
import { wordsOf } from './words.ts';
import { seededRandom } from '../fault/support/seed.ts';

const RULES = rulesWithout();
const EVERYTHING: Bounds = { crash: 9, edit: 9, reset: 9, lose: 9, wait: 9, swap: 0, abort: 9, decide: 9 };

/** The model as a walk of both leaves it. */
export interface Walked {
  state: State;
}

/** One of the operations that the state has, chosen by a number: the same for the same number and state. */
export class AnyOperation implements fc.AsyncCommand<Walked, WalkedJob> {
  readonly #pick: number;
  readonly #bounds: Bounds;
  #words = '(not reached)';

  constructor(pick: number, bounds: Bounds) {
    this.#pick = pick;
    this.#bounds = bounds;
  }

  check({ state }: Walked): boolean {
    return this.#chosen(state) !== undefined;
  }

  async run(walked: Walked, job: WalkedJob): Promise<void> {
    const operation = this.#chosen(walked.state)!;
    this.#words = wordsOf(operation);
    walked.state = await performBoth(walked.state, job, operation, RULES);
  }

  toString(): string {
    return this.#words;
  }

  #chosen(state: State): Operation | undefined {
    return anyOperation(state, this.#bounds, RULES, seededRandom(this.#pick));
  }
}

export async function walkBoth(
  commands: Iterable<fc.AsyncCommand<Walked, WalkedJob>>,
  open: () => Promise<WalkedJob> | WalkedJob,
): Promise<void> {
  const job = await open();
  try {
    await fc.asyncModelRun(() => ({ model: { state: firstState() }, real: job }), commands);
  } finally {
    await job.close();
  }
}

/** The same with operations that are given; closes the job. */
export async function walkFound(operations: readonly Operation[], job: WalkedJob): Promise<void> {
  try {
    let state = firstState();
    for (const operation of operations) {
      // With the rule a person may be asked before the last ones.
      if (!operationsIn(state, EVERYTHING).some(({ op }) => op === operation.op)) break;
      state = await performBoth(state, job, operation, RULES);
    }
  } finally {
    await job.close();
  }
}
