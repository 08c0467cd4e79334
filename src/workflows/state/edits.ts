/**
 * What people have put in by hand and is in force: for which step, in place of its code.
 *
 * Invariants
 * 1. All of it comes from the history, and a new Run is given all of it.
 * 2. It is in force until its step is to run again: then the step's own code runs.
 */
import { jsonBytes, type Json } from '../../model/canonical-json.ts';
import { MAX_EDITS_BYTES } from '../../model/job/edit.ts';
import type { PutIn } from '../../model/record/put-in.ts';

export class Edits {
  readonly #ofSteps: Map<string, PutIn>;

  constructor(carried: Readonly<Record<string, PutIn>> = {}) {
    this.#ofSteps = new Map(Object.entries(carried));
  }

  get(stepId: string): PutIn | undefined {
    return this.#ofSteps.get(stepId);
  }

  has(stepId: string): boolean {
    return this.#ofSteps.has(stepId);
  }

  adopt(putIns: Readonly<Record<string, PutIn>> = {}): void {
    for (const [stepId, putIn] of Object.entries(putIns)) this.#ofSteps.set(stepId, putIn);
  }

  drop(stepIds: readonly string[]): void {
    for (const stepId of stepIds) this.#ofSteps.delete(stepId);
  }

  /** Why there is no room for this one; undefined: there is. */
  whyNot(stepId: string, putIn: PutIn): string | undefined {
    const all = new Map(this.#ofSteps).set(stepId, putIn);
    const sizeBytes = jsonBytes(Object.fromEntries(all) as Json);
    if (sizeBytes <= MAX_EDITS_BYTES) return undefined;
    return (
      `what people have put in by hand would have ${sizeBytes} bytes in all; at most ${MAX_EDITS_BYTES} are allowed: ` +
      'give less, for example a path to a file of the workspace'
    );
  }

  /** For a new Run. */
  get carried(): { readonly edits?: Readonly<Record<string, PutIn>> } {
    return this.#ofSteps.size === 0 ? {} : { edits: Object.fromEntries(this.#ofSteps) };
  }
}
