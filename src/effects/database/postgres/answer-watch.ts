/**
 * Ends a connection whose server has not answered for longer than it may: a server that is gone without a word fails
 * what was sent, rather than leave it waiting for ever.
 *
 * Invariant: one timer a lease of the connection, however many statements are sent: the driver's own timer for each
 * costs as much as sending it.
 */
import type pg from 'pg';

export class AnswerWatch {
  readonly #client: pg.PoolClient;
  readonly #limitMs: number;
  #unanswered = 0;
  /** When something was sent behind nothing, or answered, last. */
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: pg.PoolClient, limitMs: number) {
    this.#client = client;
    this.#limitMs = limitMs;
  }

  async watch<T>(answer: Promise<T>): Promise<T> {
    if (this.#unanswered === 0) this.#since = performance.now();
    this.#unanswered += 1;
    this.#timer ??= this.#lookAfter(this.#limitMs);
    try {
      return await answer;
    } finally {
      this.#unanswered -= 1;
      this.#since = performance.now();
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#unanswered === 0) return;
    const leftMs = this.#limitMs - (performance.now() - this.#since);
    if (leftMs > 0) {
      this.#timer = this.#lookAfter(leftMs);
      return;
    }
    const { connection } = this.#client as unknown as { readonly connection: { readonly stream: Destroyable } };
    connection.stream.destroy(new Error(`the server has not answered for ${this.#limitMs} ms`));
  }

  /** What was sent keeps the process alive by its connection. */
  #lookAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), Math.ceil(milliseconds)).unref();
  }
}

interface Destroyable {
  destroy(error: Error): void;
}
