/**
 * A sealed repair while it is carried out: what it acts on, and what has come of it so far.
 *
 * Invariant: it exists only for the question that its decision answers.
 */
import type { Finding } from '../../../model/question/finding.ts';
import type { Digest } from '../../../model/digest.ts';
import { invariant } from '../../../model/invariant.ts';
import type { Answer } from '../../../model/question/answer.ts';
import type { Question } from '../../../model/question/question.ts';
import type { Change } from '../../../model/record/record.ts';
import type { ResourceState } from '../../../model/record/world.ts';
import { isPartOf } from '../../../model/sub-step-id.ts';
import { DatabaseChanges } from './database-changes.ts';
import type { RepairContext } from './context.ts';
import type { SealedRepair } from './sealed-repair.ts';

/** What a repair changes a file for: a finding, or an effect of a record or of a half-applied intent. */
export type RepairPart =
  | { readonly kind: 'finding'; readonly resource: string }
  | { readonly kind: 'record'; readonly seq: number; readonly effect: number }
  | { readonly kind: 'intent'; readonly token: Digest; readonly effect: number }
  | { readonly kind: 'reinstated'; readonly place: number };

export class RunningRepair {
  readonly context: RepairContext;
  readonly question: Question;
  readonly sealed: SealedRepair;

  readonly changes: Change[] = [];
  /** What was found and replaced: resource → blob. */
  readonly captured: Record<string, Digest> = {};
  readonly notes: string[] = [];
  /** What was to be changed and is not: it stays as others have left it. */
  #staying = 0;
  /** Changed last, all of a database in one transaction. */
  readonly databases = new DatabaseChanges();
  /** Files that were put to a state: attempts that were killed may have left something beside them. */
  readonly paths: string[] = [];
  /** What the ledger says only once the databases have it: until then the repair is found as it was. */
  readonly afterDatabases: (() => void)[] = [];
  /** Tokens of intents whose undo is prepared: several findings may name one intent. */
  readonly #undoneIntents = new Set<Digest>();

  constructor(context: RepairContext, question: Question, sealed: SealedRepair) {
    invariant(question.digest === sealed.digest, 'a repair is carried out for the question that it answers');
    this.context = context;
    this.question = question;
    this.sealed = sealed;
  }

  answerOf({ resource }: Finding): Answer {
    const answer = this.sealed.answers[resource];
    invariant(answer !== undefined, `a sealed repair has an answer for ${resource}`);
    return answer;
  }

  /** What the resource showed when the repair was sealed; undefined where it was not looked at. */
  found(resource: string): ResourceState | undefined {
    return this.sealed.found[resource];
  }

  /** A sub-step runs again with the step around it. */
  rerunsStep(stepId: string): boolean {
    return this.sealed.reruns.some((rerun) => isPartOf(stepId, rerun.stepId));
  }

  note(...notes: readonly string[]): void {
    this.notes.push(...notes);
  }

  /** Notes that something is not changed, and why. */
  stays(note: string): void {
    this.#staying += 1;
    this.note(note);
  }

  get isAllChanged(): boolean {
    return this.#staying === 0;
  }

  change(role: Change['role'], resource: string, state: ResourceState): void {
    this.changes.push({ resource, role, state });
  }

  /** Of a file's change: told from what is undone or answered alone, so the same each time it is rolled forward. */
  nameOf(part: RepairPart): { readonly token: string; readonly index: string } {
    const token = this.sealed.digest;
    switch (part.kind) {
      case 'finding':
        return { token, index: `f${this.question.findings.findIndex(({ resource }) => resource === part.resource)}` };
      case 'record':
        return { token, index: `r${part.seq}-${part.effect}` };
      case 'intent':
        return { token, index: `i${part.token.slice(0, 8)}-${part.effect}` };
      case 'reinstated':
        return { token, index: `n${part.place}` };
    }
  }

  /** False: this repair undoes the intent already. */
  beginUndoOf(token: Digest): boolean {
    if (this.#undoneIntents.has(token)) return false;
    this.#undoneIntents.add(token);
    return true;
  }
}
