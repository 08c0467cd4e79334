/**
 * What a Workflow would remember, without a server: results in a file outside the workspace, appended once an Activity
 * has answered and never before. A process that starts replays them, as a worker replays a history.
 *
 * Invariants
 * 1. The same calls in the same order get the recorded results; another order is a defect of the test.
 * 2. Failures that may pass are retried, as by a retry policy; all others end the process.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, isFailure } from '../../../src/model/failure.ts';

interface HistoryEvent {
  readonly name: string;
  readonly result: unknown;
}

const MAX_ATTEMPTS = 60;
const RETRY_PAUSE_MS = 25;

export class JobHistory {
  readonly #path: string;
  readonly #events: HistoryEvent[];
  #position = 0;

  constructor(path: string) {
    this.#path = path;
    this.#events = existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as HistoryEvent)
      : [];
  }

  /** How often something is in the whole history so far. */
  count(name: string): number {
    return this.#events.filter((event) => event.name === name).length;
  }

  async activity<T>(name: string, act: () => Promise<T>): Promise<T> {
    const known = this.#events[this.#position];
    this.#position += 1;
    if (known !== undefined) {
      if (known.name !== name) throw new Error(`The history has ${known.name} where ${name} is asked for.`);
      return known.result as T;
    }
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await act();
        const event: HistoryEvent = { name, result };
        this.#events.push(event);
        appendFileSync(this.#path, `${JSON.stringify(event)}\n`);
        return JSON.parse(JSON.stringify(result ?? null)) as T;
      } catch (error) {
        const mayPass = error instanceof HoldfastError && (error.retryable || isFailure(error, 'fenced'));
        if (!mayPass || attempt >= MAX_ATTEMPTS) throw error;
        await delay(RETRY_PAUSE_MS);
      }
    }
  }

  /** As a reset does: everything after the `count`-th event of this name is forgotten. */
  static resetAfter(path: string, name: string, count: number): void {
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    let seen = 0;
    const end = lines.findIndex((line) => (JSON.parse(line) as HistoryEvent).name === name && ++seen === count);
    if (end < 0) throw new Error(`The history has no ${count} events ${name}.`);
    writeFileSync(
      path,
      lines
        .slice(0, end + 1)
        .map((line) => `${line}\n`)
        .join(''),
    );
  }
}
