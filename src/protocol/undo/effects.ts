/**
 * What puts back what a step had staged: the same changes the other way round, the last first.
 *
 * Invariants
 * 1. A resource is put back only where the world shows exactly what the step's record has of it; what is as before
 *    already is left alone; anything else a person decides on, for exactly what was found.
 * 2. What a decision left as it is stays so for the older records of the same resource.
 * 3. A row that is deleted goes into the record with all its columns: also another owner's.
 */
import { describeEffect } from '../../model/record/effect-text.ts';
import {
  uriOf,
  type DatabaseEffect,
  type Effect,
  type FileEffect,
  type RowChange,
  type SqlEffect,
} from '../../model/record/effect.ts';
import type { NotUndone, Undoes } from '../../model/record/intent.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { AppliedEffect, StepRecord } from '../../model/record/record.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, sameState, type FileState, type ResourceState, type RowState } from '../../model/record/world.ts';
import type { UndoRuling } from '../../store/ledger/undo-rulings.ts';
import { unseenFinding } from '../question/unseen.ts';
import { describeDifference } from '../question/describe.ts';
import { changedSinceFinding, lostContentFinding } from '../question/undo.ts';
import type { Stage } from '../attempt/stage.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface UndoParts {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly record: StepRecord;
  /** The undoing's own. */
  readonly token: string;
  /** Places of effects that were undone before. */
  readonly skip: ReadonlySet<number>;
  readonly rulings: readonly UndoRuling[];
  /** What the step's own compensation has staged: what it changes is its own matter. */
  readonly stage: Stage;
  /** Has it seen to what can't be undone by itself? */
  readonly isCompensated: boolean;
}

export interface Inverse {
  readonly files: FileEffect[];
  readonly changes: DatabaseEffect[];
  readonly findings: Finding[];
  readonly left: NotUndone[];
  readonly notes: string[];
  readonly settled: Undoes['settled'];
}

/** Looks at every resource; writes nothing. @throws HoldfastError `storage-unreachable` and what else may pass */
export async function inverseOf(parts: UndoParts): Promise<Inverse> {
  return await new Inverting(parts).run();
}

class Inverting {
  readonly #parts: UndoParts;
  readonly #inverse: Inverse = { files: [], changes: [], findings: [], left: [], notes: [], settled: [] };
  /** Paths that are gone when this is done. */
  readonly #gone = new Set<string>();

  constructor(parts: UndoParts) {
    this.#parts = parts;
  }

  async run(): Promise<Inverse> {
    const { record, skip, stage } = this.#parts;
    const own = new Set([
      ...[...stage.files.keys()].map((path) => formatResource({ kind: 'file', path })),
      ...stage.changes.flatMap((change) => uriOf(change as Effect) ?? []),
    ]);
    for (const staged of stage.files.values())
      if (staged.kind === 'remove' || (staged.kind === 'put' && staged.after.kind === 'absent'))
        this.#gone.add(staged.path);
    const rows = await this.#lookAtRows();
    for (const [place, applied] of [...record.effects.entries()].reverse()) {
      const { effect, outcome } = applied;
      if (outcome !== 'applied' || skip.has(place) || effect.kind === 'perform' || own.has(uriOf(effect) ?? ''))
        continue;
      if ('path' in effect) await this.#file(effect);
      else if (effect.kind === 'sql') this.#statement(effect);
      else await this.#row(effect, applied, rows.get(place)!);
    }
    return this.#inverse;
  }

  /** All rows of a database at once, with all their columns; by the effect's place. */
  async #lookAtRows(): Promise<
    ReadonlyMap<
      number,
      { readonly whole: RowState; readonly covered: readonly string[]; readonly writable: readonly string[] }
    >
  > {
    const { workspace, settings, record, skip } = this.#parts;
    const found = new Map<
      number,
      { readonly whole: RowState; readonly covered: readonly string[]; readonly writable: readonly string[] }
    >();
    const changes = [...record.effects.entries()].flatMap(([place, { effect, after, outcome }]) =>
      'table' in effect && outcome === 'applied' && !skip.has(place)
        ? [{ place, effect, covered: after.kind === 'row' ? Object.keys(after.columns) : effect.columns }]
        : [],
    );
    for (const [name, group] of Map.groupBy(changes, ({ effect }) => effect.database)) {
      const database = await workspace.database(name, settings);
      const writable = new Map<string, readonly string[] | undefined>();
      for (const table of new Set(group.map(({ effect }) => effect.table))) {
        const schema = await database.schema(table);
        writable.set(
          table,
          schema.kind === 'schema'
            ? schema.columns.filter(({ generated }) => generated === null).map((column) => column.name)
            : undefined,
        );
      }
      const states = await database.rows(
        group.map(({ effect: { table, key }, covered }) => ({
          table,
          key,
          columns: [...new Set([...covered, ...(writable.get(table) ?? [])])],
        })),
      );
      group.forEach(({ place, effect, covered }, index) =>
        found.set(place, { whole: states[index]!, covered, writable: writable.get(effect.table) ?? covered }),
      );
    }
    return found;
  }

  async #file(effect: FileEffect): Promise<void> {
    const { workspace, stage } = this.#parts;
    const { path, before, after } = effect;
    const resource = uriOf(effect)!;
    const sighting = await workspace.files.observe(path);
    if (sighting.outcome !== 'seen')
      return void this.#inverse.findings.push(unseenFinding(resource, sighting, undefined));
    const found = sighting.state;
    if (before.kind === 'file' && !sameState(found, before) && !workspace.blobs.has(before.content))
      return this.#contentIsMissing(resource, before, found);
    if (!(await this.#isToPutBack(resource, before, after, found))) return;
    if (found.kind === 'directory' && before.kind === 'absent') {
      const others = (await workspace.files.list(path, false))
        .map((info) => info.path)
        .filter((name) => !this.#gone.has(name));
      if (others.length > 0) {
        this.#inverse.left.push({
          what: resource,
          why: `the folder holds what the job did not put there, or was told to leave: ${others.slice(0, 3).join(', ')}${others.length > 3 ? ` and ${others.length - 3} more` : ''}`,
        });
        return;
      }
    }
    if (before.kind === 'absent') this.#gone.add(path);
    stage.seenFiles.set(path, sighting);
    this.#inverse.files.push({ kind: 'file.restore', path, before: found, after: before });
  }

  async #row(
    effect: RowChange,
    { after }: AppliedEffect,
    {
      whole,
      covered,
      writable,
    }: { readonly whole: RowState; readonly covered: readonly string[]; readonly writable: readonly string[] },
  ): Promise<void> {
    const { database, table, key, before } = effect;
    const found = within(whole, covered);
    if (!(await this.#isToPutBack(uriOf(effect)!, before, after, found))) return;
    if (before.kind === 'absent') {
      this.#inverse.changes.push({
        kind: 'row.delete',
        database,
        table,
        key,
        values: {},
        columns: whole.kind === 'row' ? Object.keys(whole.columns).sort() : [...covered],
        before: whole,
      });
      return;
    }
    const values = Object.fromEntries(
      Object.entries(before.columns).filter(([column]) => !(column in key) && writable.includes(column)),
    );
    const columns = [...new Set([...Object.keys(key), ...Object.keys(before.columns)])].sort();
    // Of the row nothing but its key is covered: then nothing of it was changed.
    if (found.kind === 'row' && Object.keys(values).length === 0) return;
    this.#inverse.changes.push({
      kind: found.kind === 'absent' ? 'row.insert' : 'row.update',
      database,
      table,
      key,
      values,
      columns,
      before: within(whole, columns),
    });
  }

  #statement(effect: SqlEffect): void {
    const { database, writes, undo } = effect;
    if (undo !== undefined)
      this.#inverse.changes.push({ kind: 'sql', database, text: undo.text, params: undo.params, writes });
    else if (!this.#parts.isCompensated)
      this.#inverse.left.push({
        what: describeEffect(effect),
        why: 'the statement has no undo, and no compensation of the step has seen to it',
      });
  }

  /** Does the world show it as the step left it, or may it be put back all the same? */
  async #isToPutBack(
    resource: string,
    before: ResourceState,
    after: ResourceState,
    found: ResourceState,
  ): Promise<boolean> {
    if (sameState(found, before)) {
      this.#inverse.settled.push({ resource, role: 'undone', state: found });
      if (!sameState(before, after)) this.#inverse.notes.push(`${resource}: it is as before already`);
      return false;
    }
    if (sameState(found, after)) return true;
    const { rulings, token, record } = this.#parts;
    const ruling = rulings.find(
      (one) =>
        one.resource === resource &&
        one.found !== null &&
        sameState(one.found, found) &&
        (one.answer === 'skip' || one.token === token),
    );
    if (ruling === undefined) {
      this.#inverse.findings.push(await this.#changedSince(resource, before, after, found));
      return false;
    }
    if (ruling.answer === 'overwrite') {
      this.#inverse.notes.push(
        `${resource}: it had changed since; put back all the same, as ${ruling.by} decided: ${ruling.reason}`,
      );
      return true;
    }
    this.#inverse.left.push({
      what: resource,
      why: `it had changed since step ${record.stepId}, and stays as it is, as ${ruling.by} decided: ${ruling.reason}`,
    });
    this.#inverse.settled.push({ resource, role: 'accepted', state: found });
    return false;
  }

  async #changedSince(
    resource: string,
    before: ResourceState,
    after: ResourceState,
    found: ResourceState,
  ): Promise<Finding> {
    const { record, workspace, settings } = this.#parts;
    const difference = await describeDifference({ workspace, settings }, { resource, expected: after, found });
    return changedSinceFinding(record, { resource, before, after, found, difference });
  }

  #contentIsMissing(resource: string, before: FileState, found: FileState): void {
    const { record, rulings } = this.#parts;
    const ruling = rulings.find(
      (one) => one.resource === resource && one.answer === 'skip' && one.found !== null && sameState(one.found, found),
    );
    if (ruling !== undefined) {
      this.#inverse.left.push({
        what: resource,
        why: `its content before step ${record.stepId} is not in the store, and it stays as it is, as ${ruling.by} decided: ${ruling.reason}`,
      });
      this.#inverse.settled.push({ resource, role: 'accepted', state: found });
      return;
    }
    this.#inverse.findings.push(lostContentFinding(record, { resource, before, found }));
  }
}

function within(state: RowState, columns: readonly string[]): RowState {
  return state.kind === 'absent'
    ? ABSENT
    : {
        kind: 'row',
        columns: Object.fromEntries(Object.entries(state.columns).filter(([column]) => columns.includes(column))),
      };
}
