/** The steps of a plan that are done, and what they have come to. */
import type { Json } from '../../canonical-json.ts';

export class DoneSteps {
  readonly #outputs = new Map<string, Json>();
  readonly #skipped = new Set<string>();
  /** Of steps with `until`: what each round has returned. */
  readonly #rounds = new Map<string, readonly Json[]>();

  /** What references see: of a step with `until` the output of its last round, of one that was skipped null. */
  get outputs(): ReadonlyMap<string, Json> {
    return this.#outputs;
  }

  get skipped(): ReadonlySet<string> {
    return this.#skipped;
  }

  get count(): number {
    return this.#outputs.size;
  }

  has(id: string): boolean {
    return this.#outputs.has(id);
  }

  roundsOf(id: string): readonly Json[] | undefined {
    return this.#rounds.get(id);
  }

  /**
   * What is folded into the state, in order: of a step with `until` each round's output, of one that was skipped, or is
   * not done, nothing.
   */
  foldedOf(id: string): readonly Json[] {
    if (this.#skipped.has(id) || !this.#outputs.has(id)) return [];
    return this.#rounds.get(id) ?? [this.#outputs.get(id)!];
  }

  set(id: string, output: Json): void {
    this.#outputs.set(id, output);
  }

  skip(id: string): void {
    this.#outputs.set(id, null);
    this.#skipped.add(id);
  }

  /** @param outputs of each round; there is one at least */
  setRounds(id: string, outputs: readonly Json[]): void {
    this.#outputs.set(id, outputs.at(-1)!);
    this.#rounds.set(id, outputs);
  }

  delete(id: string): void {
    this.#outputs.delete(id);
    this.#skipped.delete(id);
    this.#rounds.delete(id);
  }
}
