/** What a repair is to change in databases, collected while its answers are carried out; in the order of undoing. */
import type { Json } from '../../../model/canonical-json.ts';
import type { Digest } from '../../../model/digest.ts';
import { uriOf, type DatabaseEffect } from '../../../model/record/effect.ts';
import type { RowKey } from '../../../model/record/resource.ts';
import { ABSENT, type ResourceState, type RowState } from '../../../model/record/world.ts';
import { rowState } from '../../../model/record/narrowed-state.ts';

/** A row to be put to `wanted` if it shows `shown`: what the question showed, or what the step that is undone wrote. */
export interface RowReset {
  readonly database: string;
  readonly table: string;
  readonly key: RowKey;
  readonly shown: RowState;
  readonly wanted: RowState;
  readonly resource: string;
}

/** A statement that undoes another one, or one that is made again as it was recorded. */
export interface StatementUndo {
  readonly database: string;
  readonly text: string;
  readonly params: readonly Json[];
  readonly writes: readonly string[];
  /** Whose statement it is. */
  readonly stepId: string;
}

/** The changes of one database. */
export interface DatabaseChange {
  readonly name: string;
  /** In the order in which they are made: what was done last is undone first. */
  readonly changes: readonly (RowReset | StatementUndo)[];
  /** Token rows that go: what they stand for is undone. */
  readonly tokens: readonly Digest[];
}

export class DatabaseChanges {
  readonly #changes: (RowReset | StatementUndo)[] = [];
  readonly #tokens: { readonly database: string; readonly token: Digest }[] = [];

  reset(row: RowReset): void {
    this.#changes.push(row);
  }

  dropToken(database: string, token: Digest): void {
    this.#tokens.push({ database, token });
  }

  /** `shown`: the state in which the row is undone. Returns a note where the effect cannot be undone. */
  undo(stepId: string, effect: DatabaseEffect, shown: ResourceState | undefined): string | undefined {
    const { database } = effect;
    if (effect.kind !== 'sql') {
      const { table, key, before: wanted } = effect;
      this.#changes.push({ database, table, key, shown: rowState(shown ?? ABSENT), wanted, resource: uriOf(effect)! });
      return undefined;
    }
    if (effect.undo === undefined)
      return `a statement on ${database} has no undo and stays: ${effect.text.slice(0, 100)}`;
    const { text, params } = effect.undo;
    this.#changes.push({ database, text, params, writes: effect.writes, stepId });
    return undefined;
  }

  /** An effect that was undone is made again as it was recorded. A statement without an undo has stayed. */
  make(stepId: string, effect: DatabaseEffect, after: ResourceState): void {
    const { database } = effect;
    if (effect.kind !== 'sql') {
      const { table, key, before: shown } = effect;
      this.#changes.push({ database, table, key, shown, wanted: rowState(after), resource: uriOf(effect)! });
    } else if (effect.undo !== undefined) {
      const { text, params, writes } = effect;
      this.#changes.push({ database, text, params, writes, stepId });
    }
  }

  /** In canonical order. */
  byDatabase(): readonly DatabaseChange[] {
    const names = new Set([...this.#changes, ...this.#tokens].map(({ database }) => database));
    return [...names].sort().map((name) => ({
      name,
      changes: this.#changes.filter(({ database }) => database === name),
      tokens: this.#tokens.filter(({ database }) => database === name).map(({ token }) => token),
    }));
  }
}
