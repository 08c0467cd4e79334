/**
 * The results of sub-steps that a step's code has: something that it has read.
 *
 * Invariant: the digest depends on names and results, not on the order in which parallel ones ended; adding one costs
 * the same at the ten-thousandth.
 */
import { digestOf, type Digest } from '../../model/digest.ts';
import type { Json } from '../../model/canonical-json.ts';

export class SubStepResults {
  #count = 0;
  /** The exclusive or of what each adds: the same in any order. */
  #sum = 0n;

  get count(): number {
    return this.#count;
  }

  get digest(): Digest {
    return this.#sum.toString(16).padStart(64, '0');
  }

  add(name: string, output: Json): void {
    this.#count += 1;
    this.#sum ^= BigInt(`0x${digestOf({ name, output })}`);
  }
}
