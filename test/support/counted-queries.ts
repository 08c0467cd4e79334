/**
 * Counts what this process sends to PostgreSQL servers, at the driver.
 *
 * Invariant: a round trip is a wait. What is sent before the first of it is answered counts as one, however many
 * statements it holds.
 */
import pg from 'pg';

export interface Counted {
  /** Statements; those that go in one message are counted each. */
  readonly statements: number;
  readonly roundTrips: number;
}

type Query = (this: object, config: string | { readonly text: string }, ...rest: unknown[]) => Promise<unknown>;

export class CountedQueries implements Disposable {
  readonly #prototype = pg.Client.prototype as unknown as { query: Query };
  readonly #original = this.#prototype.query;
  /** Connections of which nothing was answered since they were sent something. */
  readonly #waiting = new WeakSet();
  #statements = 0;
  #roundTrips = 0;

  constructor() {
    const count = this.#count.bind(this);
    const original = this.#original;
    this.#prototype.query = function (config, ...rest) {
      const answer = original.call(this, config, ...rest);
      count(this, typeof config === 'string' ? config : config.text, answer);
      return answer;
    };
  }

  [Symbol.dispose](): void {
    this.#prototype.query = this.#original;
  }

  async during(work: () => Promise<unknown>): Promise<Counted> {
    const { statements, roundTrips } = { statements: this.#statements, roundTrips: this.#roundTrips };
    await work();
    return { statements: this.#statements - statements, roundTrips: this.#roundTrips - roundTrips };
  }

  #count(client: object, text: string, answer: Promise<unknown>): void {
    // Only our own fixed texts hold several, and none of those has a semicolon in a literal.
    this.#statements += text.split(';').filter((part) => part.trim() !== '').length;
    if (!this.#waiting.has(client)) this.#roundTrips += 1;
    this.#waiting.add(client);
    const answered = (): void => void this.#waiting.delete(client);
    answer.then(answered, answered);
  }
}
