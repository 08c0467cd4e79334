/** What people sent that could not be used, with the reasons: shown to everyone, so that nothing is dropped unseen. */
import { MAX_REFUSALS, type Refusal } from '../../model/job/status.ts';

export class Refusals {
  readonly #refusals: Refusal[];
  readonly #onChange: () => void;

  /** @param carried what the Run before has noted */
  constructor(onChange: () => void, carried: readonly Refusal[] = []) {
    this.#refusals = [...carried];
    this.#onChange = onChange;
  }

  /** The latest, at most `MAX_REFUSALS`. */
  get all(): readonly Refusal[] {
    return this.#refusals;
  }

  /** @param value what came, in any form */
  add(value: unknown, problems: readonly string[]): void {
    const { by, digest } = (typeof value === 'object' && value !== null ? value : {}) as {
      readonly by?: unknown;
      readonly digest?: unknown;
    };
    this.#refusals.push({
      by: typeof by === 'string' ? by.slice(0, 100) : 'unknown',
      problems: problems.slice(0, 5).map((problem) => problem.slice(0, 300)),
      question: typeof digest === 'string' ? digest.slice(0, 64) : null,
    });
    if (this.#refusals.length > MAX_REFUSALS) this.#refusals.shift();
    this.#onChange();
  }

  /** A Signal that no job knows: a misspelled name is not lost. */
  addSignal(name: string): void {
    this.add({}, [`there is no Signal "${name}"; those to send are "decide", "abort", "rewind" and "updateState"`]);
  }
}
