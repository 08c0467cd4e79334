/**
 * Where one agent is in its conversation: turns of the model, tool calls of each turn, and whether the job goes on.
 *
 * Invariants
 * 1. A step's id comes from the turn and the place of the call in it, never from what the model wrote: after a restart
 *    it is the same.
 * 2. The calls of a turn run one after the other, in the model's order: two edits of a file in one answer are no
 *    conflict, and the order of commands in the history is fixed.
 * 3. From the first failure that ends or restarts the job, nothing more is asked of the model and no tool runs.
 */
export class Conversation {
  readonly #name: string;
  #turn = 0;
  #calls = 0;
  #last: Promise<unknown> = Promise.resolve();
  #ended: { readonly error: unknown } | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** The id of the next answer of the model. @throws what has ended the job, or restarts it */
  nextTurn(): string {
    this.#throwIfEnded();
    this.#turn += 1;
    this.#calls = 0;
    return `${this.#name}/${this.#turn}`;
  }

  /** Runs a tool call when those before it have ended. */
  async call<T>(tool: string, run: (stepId: string) => Promise<T>): Promise<T> {
    this.#calls += 1;
    const stepId = `${this.#name}/${this.#turn}.${this.#calls}/${tool}`;
    const result = this.#last.then(async () => {
      this.#throwIfEnded();
      return await run(stepId);
    });
    this.#last = result.catch(() => undefined);
    return await result;
  }

  /** The AI SDK takes whatever a tool throws for news to the model: so it is kept for the next turn. */
  end(error: unknown): void {
    this.#ended ??= { error };
  }

  #throwIfEnded(): void {
    if (this.#ended !== undefined) throw this.#ended.error;
  }
}
