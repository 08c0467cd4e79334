/**
 * A question as a person reads it: no name in it acts on a terminal or hides, and what makes two names differ that look
 * the same is shown as what it is: `e<U+0301>` for a decomposed letter, `а<U+0430>` for a Cyrillic one.
 *
 * Invariant: only what is shown changes; digests, answers and what a decision names are the question's own.
 */
import { isMixed, markAll, skeletonOf } from '../look-alikes.ts';
import { readableName } from '../readable-line.ts';
import type { Finding } from './finding.ts';
import type { Question } from './question.ts';

const WORD = /[^\s"'`;,:=(){}[\]]+/g;
/** Lines of a difference of contents: they are marked where they are made. */
const OF_CONTENT = /^[-+ @]/;

/** The same question with texts to be shown; never to be answered or compared. */
export function shownQuestion<Q extends Pick<Question, 'findings' | 'why' | 'stepId'>>(question: Q): Q {
  const { findings, why, stepId } = question;
  return {
    ...question,
    why: shownName(why),
    ...(stepId === undefined ? {} : { stepId: shownName(stepId) }),
    findings: shownFindings(findings),
  };
}

/** Findings that are shown together. */
export function shownFindings(findings: readonly Finding[]): Finding[] {
  const names = new Names(findings);
  return findings.map((one) => shownFinding(one, names));
}

/** A name, or a text with names in it, that stands alone. */
export function shownName(name: string): string {
  return new Names([]).shown(name);
}

/** What a person copies from what was shown is the name again. */
export function nameOfShown(shown: string): string {
  return shown.replaceAll('␠', ' ').replaceAll(/(.?)<U\+([0-9A-F]{4,6})>/gsu, (_, before: string, code: string) => {
    const character = String.fromCodePoint(Number.parseInt(code, 16));
    return before === character ? character : `${before}${character}`;
  });
}

function shownFinding(one: Finding, names: Names): Finding {
  const { expected, found, recordedBy, keeps, repeats, advice } = one;
  const list = (steps: readonly string[]): string[] => steps.map((step) => names.shown(step));
  return {
    ...one,
    resource: names.shownResource(one.resource),
    expected: { ...expected, text: names.shown(expected.text) },
    found: { ...found, text: names.shown(found.text) },
    staleSteps: list(one.staleSteps),
    rerunSteps: list(one.rerunSteps),
    difference: one.difference
      .split('\n')
      .map((line) => (OF_CONTENT.test(line) ? line : names.shown(line)))
      .join('\n'),
    ...(recordedBy === undefined ? {} : { recordedBy: { ...recordedBy, stepId: names.shown(recordedBy.stepId) } }),
    ...(keeps === undefined ? {} : { keeps: list(keeps) }),
    ...(repeats === undefined
      ? {}
      : { repeats: repeats.map(({ name, text }) => ({ name: names.shown(name), text: names.shown(text) })) }),
    ...(advice === undefined ? {} : { advice: names.shown(advice) }),
  };
}

/** All names that a person sees side by side. */
class Names {
  /** What looks the same → how it is spelled. */
  readonly #spellings = new Map<string, Set<string>>();

  constructor(findings: readonly Finding[]) {
    for (const { resource, expected, found, difference, staleSteps, rerunSteps } of findings) {
      this.#add(resource);
      const lines = difference.split('\n').filter((line) => !OF_CONTENT.test(line));
      for (const text of [resource, expected.text, found.text, ...lines, ...staleSteps, ...rerunSteps])
        for (const [word] of text.matchAll(WORD)) this.#add(word);
    }
  }

  shown(text: string): string {
    return readableName(text.replaceAll(WORD, (word) => (this.#isAlike(word) ? markAll(word) : word)));
  }

  /** Blanks count in it, too. */
  shownResource(resource: string): string {
    const hasTwin = this.#hasTwin(resource);
    const blanks = hasTwin ? / /g : /^ +| +$/g;
    const shown = resource.replaceAll(blanks, (found) => '␠'.repeat(found.length));
    return hasTwin ? readableName(markAll(shown)) : this.shown(shown);
  }

  #add(name: string): void {
    const skeleton = skeletonOf(name);
    const known = this.#spellings.get(skeleton);
    if (known === undefined) this.#spellings.set(skeleton, new Set([name]));
    else known.add(name);
  }

  #isAlike(word: string): boolean {
    return word !== word.normalize('NFC') || isMixed(word) || this.#hasTwin(word);
  }

  #hasTwin(name: string): boolean {
    return (this.#spellings.get(skeletonOf(name))?.size ?? 0) > 1;
  }
}
