/** The table `effect_mark`: what has become of each effect of an intent that is being applied. */
import type { Digest } from '../../model/digest.ts';
import { ResourceStateSchema, type ResourceState } from '../../model/record/world.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';

/** `overwrite`: a person decided that what is found there (`after`) may be replaced. */
const OUTCOMES = ['applied', 'skipped', 'kept', 'overwrite'] as const;

export interface EffectMark {
  readonly outcome: (typeof OUTCOMES)[number];
  readonly after: ResourceState;
}

const COLUMNS = new Columns('effect_mark');

export class EffectMarkTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** By the effect's place in the intent. */
  all(token: Digest): ReadonlyMap<number, EffectMark> {
    const rows = this.#file.all(
      'SELECT effect, outcome, after FROM effect_mark WHERE token = ? ORDER BY effect',
      token,
    );
    return new Map(rows.map((row) => [COLUMNS.integer(row, 'effect'), read(row)]));
  }

  put(token: Digest, effect: number, { outcome, after }: EffectMark): void {
    this.#file.run(
      `INSERT INTO effect_mark VALUES (?, ?, ?, ?)
       ON CONFLICT (token, effect) DO UPDATE SET outcome = excluded.outcome, after = excluded.after`,
      token,
      effect,
      outcome,
      JSON.stringify(after),
    );
  }

  removeAll(token: Digest): void {
    this.#file.run('DELETE FROM effect_mark WHERE token = ?', token);
  }
}

function read(row: NamedRow): EffectMark {
  return {
    outcome: COLUMNS.oneOf(row, 'outcome', OUTCOMES),
    after: COLUMNS.parsed(row, 'after', ResourceStateSchema, 'effect mark'),
  };
}
