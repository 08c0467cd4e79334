/**
 * Steps that decisions made run again. A request that was made before such a decision may have been given what is void
 * now: it is void, too, and its caller requests the step again with what its input is by then.
 */
import { isPatched } from '../patches.ts';

export class Rewinds {
  #count = 0;
  /** Steps that were rewound and not requested since. */
  readonly #rewound = new Set<string>();

  /** How often a decision made steps run again. */
  get count(): number {
    return this.#count;
  }

  add(stepIds: readonly string[]): void {
    for (const stepId of stepIds) this.#rewound.add(stepId);
    if (stepIds.length > 0) this.#count += 1;
  }

  /** Is a request for the step void that was made when `count` was `since`? */
  isVoid(stepId: string, since: number): boolean {
    if (this.#count === since) return false;
    return isPatched('rerun-voids-what-was-asked-before') || this.#rewound.has(stepId);
  }

  /** The caller knows that the step's request is void. */
  noteVoid(stepId: string): void {
    this.#rewound.delete(stepId);
  }
}
