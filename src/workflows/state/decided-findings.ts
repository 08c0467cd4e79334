/**
 * What people have decided, finding by finding, for a Workflow that goes on otherwise because of it: an agent whose
 * files somebody has changed is told so.
 *
 * Invariants
 * 1. It comes from the history alone, so that it is the same in every replay.
 * 2. A new Run is given it; it is bounded, the oldest go first.
 */
import { jsonBytes } from '../../model/canonical-json.ts';
import type { Decision } from '../../model/question/decision.ts';
import type { Question } from '../../model/question/question.ts';
import type { DecidedFinding } from '../guarded-job.ts';

const MAX_BYTES = 64 * 1024;
const MAX_DIFFERENCE_CHARACTERS = 2_000;

export class DecidedFindings {
  #latest: readonly DecidedFinding[];

  constructor(carried: readonly DecidedFinding[] = []) {
    this.#latest = carried;
  }

  /** Oldest first. */
  get latest(): readonly DecidedFinding[] {
    return this.#latest;
  }

  add({ digest, findings }: Question, { answer, items = {}, by, reason }: Decision): void {
    const added: DecidedFinding[] = [];
    for (const { resource, kind, difference } of findings) {
      const given = items[resource] ?? answer;
      if (given === undefined) continue;
      const shown = difference.slice(0, MAX_DIFFERENCE_CHARACTERS);
      added.push({ question: digest, resource, kind, answer: given, by, reason, difference: shown });
    }
    this.#latest = latestWithin([...this.#latest, ...added]);
  }
}

function latestWithin(decided: readonly DecidedFinding[]): readonly DecidedFinding[] {
  let [sizeBytes, from] = [0, decided.length];
  while (from > 0) {
    sizeBytes += jsonBytes({ ...decided[from - 1]! });
    if (sizeBytes > MAX_BYTES) break;
    from -= 1;
  }
  return decided.slice(from);
}
