/** What is wrong, in words: all are counted, and the first told. */

/** More problems than these are counted, and not told one by one. */
const MAX_TOLD = 50;

export interface FoundProblems {
  /** How many there are. */
  readonly count: number;
  /** The first of them. */
  readonly problems: readonly string[];
}

export class Problems {
  #count = 0;
  readonly #told: string[] = [];

  add(problem: string): void {
    this.#count += 1;
    if (this.#told.length < MAX_TOLD) this.#told.push(problem);
  }

  get found(): FoundProblems {
    return { count: this.#count, problems: this.#told };
  }
}

/** As one line. */
export function problemsText({ count, problems }: FoundProblems): string {
  const more = count - problems.length;
  return more > 0 ? `${problems.join('; ')}; and ${more} more` : problems.join('; ');
}
