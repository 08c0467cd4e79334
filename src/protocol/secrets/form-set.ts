/**
 * All forms that are looked for. Immutable: whoever meets another secret makes a new set.
 *
 * Invariant: a longer form is found before a shorter one that is a part of it.
 */
import { ByteSearch } from './byte-search.ts';
import type { Form } from './form.ts';

/** Of a form that a bound has cut off, so much is still told to be one: what is shorter may be any word. */
const MIN_CUT_CHARACTERS = 8;
/** A text that is shorter was not cut by any bound without saying so (`…`). */
const MIN_BOUND_CHARACTERS = 400;

export class FormSet {
  /** The longest first. */
  readonly #forms: readonly Form[];
  readonly #marks: ReadonlyMap<string, string>;
  readonly #search: ByteSearch | undefined;
  readonly #pattern: RegExp | undefined;

  constructor(forms: readonly Form[] = []) {
    this.#forms = forms.toSorted((a, b) => b.text.length - a.text.length);
    // Of equal forms the first counts.
    this.#marks = new Map(this.#forms.toReversed().map(({ text, mark }) => [text, mark]));
    if (forms.length === 0) return;
    this.#search = new ByteSearch(this.#forms.map(({ bytes }) => bytes));
    this.#pattern = new RegExp(this.#forms.map(({ text }) => escaped(text)).join('|'), 'g');
  }

  with(forms: readonly Form[]): FormSet {
    return new FormSet([...this.#forms, ...forms]);
  }

  get isEmpty(): boolean {
    return this.#forms.length === 0;
  }

  get longestBytes(): number {
    return Math.max(0, ...this.#forms.map(({ bytes }) => bytes.byteLength));
  }

  get longestCharacters(): number {
    return Math.max(0, ...this.#forms.map(({ text }) => text.length));
  }

  /** The name of a secret that the text or the bytes hold. */
  whichIn(content: string | Uint8Array): string | undefined {
    const found = this.#search?.find(typeof content === 'string' ? Buffer.from(content, 'utf8') : content);
    return found === undefined ? undefined : this.#forms[found]!.name;
  }

  /** The text with marks in the place of all forms, also of those that a bound has cut off. */
  redact(text: string): string {
    if (this.#pattern === undefined) return text;
    const isClean = this.whichIn(text) === undefined;
    if (isClean && text.length < MIN_BOUND_CHARACTERS && !text.includes('…')) return text;
    const whole = isClean ? text : text.replace(this.#pattern, (form) => this.#marks.get(form) ?? '«secret»');
    const parts = whole.split('…');
    const mayBeCut = (part: string, index: number): boolean =>
      index < parts.length - 1 || part.length >= MIN_BOUND_CHARACTERS;
    return parts.map((part, index) => (mayBeCut(part, index) ? this.#withoutCutForm(part) : part)).join('…');
  }

  /** Where to cut a text, at `wanted` or before it, so that no form is cut in two. */
  cutOutside(text: string, wanted: number): number {
    for (const found of text.matchAll(this.#pattern ?? /$^/g)) {
      if (found.index >= wanted) break;
      if (found.index + found[0].length > wanted) return found.index;
    }
    return wanted;
  }

  /** A bound may have cut a secret in two before this could see it. */
  #withoutCutForm(part: string): string {
    for (const { text, mark, openCharacters } of this.#forms) {
      const shortest = openCharacters + MIN_CUT_CHARACTERS;
      for (let length = Math.min(text.length - 1, part.length); length >= shortest; length--)
        if (part.endsWith(text.slice(0, length))) return `${part.slice(0, -length)}${mark}`;
    }
    return part;
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
