/**
 * The output of a `forEach`: the list of its items' outputs, as large as one output may be. Likewise those of the
 * rounds of a step with `until`.
 *
 * Invariant: what is too much is refused at the item with which it becomes so, before thousands more run in vain.
 */
import { jsonBytes, type Json } from '../canonical-json.ts';
import { HoldfastError } from '../failure.ts';
import { MAX_OUTPUT_BYTES } from './payload-limits.ts';

export class ListOutput {
  readonly #of: 'items' | 'rounds';
  #sizeBytes = 2;
  #count = 0;

  constructor(of: 'items' | 'rounds' = 'items') {
    this.#of = of;
  }

  /** @throws HoldfastError `too-large` */
  add(output: Json): void {
    this.#count += 1;
    this.#sizeBytes += jsonBytes(output) + 1;
    if (this.#sizeBytes <= MAX_OUTPUT_BYTES) return;
    const [one, otherwise] =
      this.#of === 'items' ? ['item', ', or say `outputs: none` where nothing uses them'] : ['round', ''];
    throw new HoldfastError(
      'too-large',
      `The outputs of ${this.#count} ${this.#of} have ${this.#sizeBytes} bytes; the list of all outputs may have ` +
        `${MAX_OUTPUT_BYTES}. Let each ${one} return less (what is large belongs into a file or a table), or give ` +
        `the step fewer ${this.#of}${otherwise}.`,
      { sizeBytes: this.#sizeBytes },
    );
  }
}
