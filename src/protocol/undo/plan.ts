/**
 * What of a job is to be undone, newest first, from its records. Pure over records, but for the calls, which the ledger
 * keeps apart.
 *
 * Invariants
 * 1. An effect is undone once: what a decision has undone before (a step that ran again), or an undoing, is left out.
 * 2. A step's own compensation has one turn: with its newest record, or with the calls of a generation that was not
 *    finished. It is told of the calls of all generations.
 */
import type { Json } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import type { UndoItem, UndoReport } from '../../model/job/undo.ts';
import { uriOf } from '../../model/record/effect.ts';
import type { Left } from '../../model/record/intent.ts';
import type { AppliedEffect, ChainRecord, DecisionRecord, StepRecord } from '../../model/record/record.ts';
import type { StepImplementation } from '../../model/step/step.ts';
import type { PlacedSecret } from '../../model/step/secret.ts';
import { isUndoId, undoTokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import { effectsText } from '../question/effects-text.ts';

/** What an Activity's result holds of it at once. */
export const MAX_UNDO_ITEMS = 100;
const MAX_LEFT_TOLD = 50;

interface Entry {
  readonly seq: number;
  readonly stepId: string;
  readonly step: string;
  readonly generation: number;
  /** Places of effects that are in force. */
  readonly open: Set<number>;
  /** Places of those that a decision has undone. */
  readonly undone: Set<number>;
  isUndone: boolean;
}

export class UndoPlan {
  /** In chain order. */
  readonly #entries = new Map<number, Entry>();
  readonly #latest = new Map<string, Entry>();
  /** Steps that a decision made run again and that have not done so. */
  readonly #void = new Set<string>();
  /** Who changed a resource, the latest last; a statement under its database and step. */
  readonly #changes = new Map<string, { readonly entry: Entry; readonly place: number }[]>();
  readonly #done: Pick<AppliedEffect, 'effect' | 'outcome'>[] = [];
  readonly #left: (Left & { readonly stepId: string })[] = [];
  #steps = 0;
  #leftTotal = 0;

  /** Reads all records of a job, in order; others get a turn meanwhile. */
  static async of(ledger: Pick<Ledger, 'visitRecords'>, jobId: string): Promise<UndoPlan> {
    const plan = new UndoPlan();
    await ledger.visitRecords(jobId, 0, ({ record }) => plan.read(record));
    return plan;
  }

  read(record: ChainRecord): void {
    if (record.kind === 'step') this.#readStep(record);
    else if (record.kind === 'decision') this.#readDecision(record);
    else if (record.kind === 'undone') {
      const entry = record.undoes === null ? undefined : this.#entries.get(record.undoes);
      if (entry !== undefined) entry.isUndone = true;
      // Of which nothing could be undone, that is no step undone.
      if (record.left.length === 0 || record.effects.some(({ outcome }) => outcome === 'applied')) this.#steps += 1;
      this.#done.push(...record.effects.map(({ effect, outcome }) => ({ effect, outcome })));
      this.#leftTotal += record.left.length;
      for (const left of record.left)
        if (this.#left.length < MAX_LEFT_TOLD) this.#left.push({ ...left, stepId: record.stepId });
    }
  }

  #readStep(record: StepRecord): void {
    const { seq, stepId, step, generation } = record;
    const entry: Entry = { seq, stepId, step, generation, open: new Set(), undone: new Set(), isUndone: false };
    record.effects.forEach(({ effect, outcome }, place) => {
      if (outcome !== 'applied' || effect.kind === 'perform') return;
      entry.open.add(place);
      const resource = effect.kind === 'sql' ? statementsOf(stepId, effect.database) : uriOf(effect)!;
      if (effect.kind === 'sql' && effect.undo === undefined) return;
      const changes = this.#changes.get(resource);
      if (changes === undefined) this.#changes.set(resource, [{ entry, place }]);
      else changes.push({ entry, place });
    });
    this.#entries.set(seq, entry);
    this.#latest.set(stepId, entry);
    this.#void.delete(stepId);
  }

  /** A step that runs again was undone as far as its record says so: each resource newest first, up to another step's change. */
  #readDecision({ reruns, changes, question }: DecisionRecord): void {
    if (reruns.length === 0) return;
    const again = new Set(reruns.map(({ stepId }) => stepId));
    const takeBack = (resource: string, isTaken: (entry: Entry) => boolean): void => {
      const made = this.#changes.get(resource) ?? [];
      for (let last = made.at(-1); last !== undefined && isTaken(last.entry); last = made.at(-1)) {
        last.entry.open.delete(last.place);
        last.entry.undone.add(last.place);
        made.pop();
      }
    };
    for (const { resource, role } of changes) {
      if (role === 'undone') takeBack(resource, ({ stepId }) => again.has(stepId));
      // The database's transaction was committed, and with it what statements have for an undo.
      const database =
        resource.startsWith('token:') && resource.endsWith(`/${question}`)
          ? resource.slice('token:'.length, -question.length - 1)
          : undefined;
      if (database !== undefined)
        for (const stepId of again)
          takeBack(statementsOf(stepId, database), (entry) => entry === this.#latest.get(stepId));
    }
    for (const stepId of again) this.#void.add(stepId);
  }

  /** What is left to undo, newest first. */
  items(
    ledger: Ledger,
    jobId: string,
    steps: ReadonlyMap<string, Pick<StepImplementation, 'compensate'>>,
  ): readonly UndoItem[] {
    const calls = Map.groupBy(callsOf(ledger, jobId), ({ stepId }) => stepId);
    const unfinished = [...calls.values()].flatMap((rows) => this.#unfinished(ledger, rows));
    const isUnfinished = new Set(unfinished.map(({ stepId }) => stepId));
    const recorded = [...this.#entries.values()].reverse().flatMap((entry): UndoItem[] => {
      const { stepId, step, generation, seq } = entry;
      if (entry.isUndone) return [];
      const implementation = steps.get(step);
      const isNewest = this.#latest.get(stepId) === entry && !isUnfinished.has(stepId);
      // Code that this worker doesn't have may compensate; whoever undoes it will say that it is missing.
      const mayCompensate = implementation === undefined || implementation.compensate !== undefined;
      const compensates = isNewest && (calls.has(stepId) || (mayCompensate && !this.#void.has(stepId)));
      return entry.open.size > 0 || compensates
        ? [{ stepId, step, generation, seq, skip: [...entry.undone], compensates }]
        : [];
    });
    return [...unfinished, ...recorded];
  }

  /** Calls of a generation that has no record: they happened all the same, or may have. */
  #unfinished(ledger: Ledger, rows: readonly PerformRow[]): UndoItem[] {
    const { stepId, generation, token } = rows.reduce((latest, row) =>
      row.generation > latest.generation ? row : latest,
    );
    const latest = this.#latest.get(stepId);
    if (
      ledger.stepRecord(token) !== undefined ||
      (latest !== undefined && latest.generation >= generation) ||
      ledger.undoneRecord(undoTokenOf(token)) !== undefined
    )
      return [];
    const step = givenTo(ledger, token)?.step;
    return step === undefined ? [] : [{ stepId, step, generation, seq: null, skip: [], compensates: true }];
  }

  get report(): UndoReport {
    return { steps: this.#steps, effects: effectsText(this.#done), left: [...this.#left], leftTotal: this.#leftTotal };
  }
}

export interface Given {
  readonly input: Json;
  readonly step: string;
  /** Where the plan put secrets. Absent: nowhere. */
  readonly secrets?: readonly PlacedSecret[];
}

/** What a step was given: its claim names it by digest. */
export function givenTo(ledger: Pick<Ledger, 'claim' | 'content'>, token: Digest): Given | undefined {
  const args = ledger.claim(token)?.args;
  const bytes = args === undefined ? undefined : ledger.content(args);
  return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as Given);
}

function statementsOf(stepId: string, database: string): string {
  return `sql:${database}/${stepId}`;
}

/** Calls of steps that happened, or may have, and changed something: of all generations, each once, in the order in which they were begun. */
export function callsOf(ledger: Pick<Ledger, 'performs'>, jobId: string, stepId?: string): readonly PerformRow[] {
  const rows = ledger
    .performs(jobId, stepId)
    .filter(
      (row) =>
        !isUndoId(row.stepId) &&
        row.inDoubt !== 'safe' &&
        (row.state === 'done' ||
          row.state === 'kept' ||
          row.state === 'about' ||
          (row.state === 'repeat' && row.nonce !== '')),
    );
  // A generation that keeps an earlier one's call has a row of its own for it.
  return [...new Map(rows.map((row) => [`${row.stepId} ${row.key}`, row])).values()];
}

/** May it have happened, and nobody knows? */
export function isInDoubt({ state }: Pick<PerformRow, 'state'>): boolean {
  return state === 'about' || state === 'repeat';
}
