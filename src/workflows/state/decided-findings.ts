/**
 * What people have decided in this Run, finding by finding, for a Workflow that goes on otherwise because of it: an
 * agent whose files somebody has changed is told so.
 *
 * Invariant: it comes from the history alone, so that it is the same in every replay.
 */
import type { Decision } from '../../model/question/decision.ts';
import type { Question } from '../../model/question/question.ts';
import type { DecidedFinding } from '../guarded-job.ts';

const MAX_FINDINGS = 200;
const MAX_DIFFERENCE_CHARACTERS = 2_000;

export class DecidedFindings {
  #latest: readonly DecidedFinding[] = [];
  #count = 0;

  /** Oldest first. */
  get latest(): readonly DecidedFinding[] {
    return this.#latest;
  }

  add({ findings }: Question, { answer, items = {}, by, reason }: Decision): void {
    const added: DecidedFinding[] = [];
    for (const { resource, kind, difference } of findings) {
      const given = items[resource] ?? answer;
      if (given === undefined) continue;
      this.#count += 1;
      const shown = difference.slice(0, MAX_DIFFERENCE_CHARACTERS);
      added.push({ number: this.#count, resource, kind, answer: given, by, reason, difference: shown });
    }
    this.#latest = [...this.#latest, ...added].slice(-MAX_FINDINGS);
  }
}
