/** Redacts a text that comes in chunks, also where a secret lies across two of them. */
import type { FormSet } from './form-set.ts';

/** Push the chunks, then take the rest by `end`. Holds back as much as a form may be long. */
export class RedactingStream {
  readonly #forms: () => FormSet;
  #held = '';

  /** @param forms asked at each chunk: a worker may meet another job's secrets meanwhile */
  constructor(forms: () => FormSet) {
    this.#forms = forms;
  }

  push(text: string): string {
    const forms = this.#forms();
    const all = this.#held + text;
    const held = Math.max(0, forms.longestCharacters - 1);
    const cut = forms.cutOutside(all, Math.max(0, all.length - held));
    this.#held = all.slice(cut);
    return forms.redact(all.slice(0, cut));
  }

  end(): string {
    const rest = this.#forms().redact(this.#held);
    this.#held = '';
    return rest;
  }
}
