/**
 * One database as one attempt uses it.
 *
 * Invariants
 * 1. One table is one resource, however a step spells its name: as it was spelled first.
 * 2. A table is staged or read only after its schema was observed, and found as recorded.
 */
import { isSameTable } from '../../../effects/database/table-name.ts';
import type { Database, SchemaOptions } from '../../../effects/database/database.ts';
import { canonicalJson, type Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { formatResource } from '../../../model/record/resource.ts';
import type { TableSchemaState } from '../../../model/record/world.ts';
import { isSqliteUrl } from '../../workspace/database-url.ts';
import type { Attempt } from '../attempt.ts';

export class DatabaseScope {
  readonly attempt: Attempt;
  readonly name: string;
  readonly #url: string;

  constructor(attempt: Attempt, name: string, url: string) {
    this.attempt = attempt;
    this.name = name;
    this.#url = url;
  }

  /** Known without connecting to it. @throws HoldfastError `missing-variable` */
  get dialect(): 'sqlite' | 'postgres' {
    const { workspace, settings } = this.attempt;
    return isSqliteUrl(this.#url) ? 'sqlite' : workspace.dialectOf(this.name, settings);
  }

  async open(): Promise<Database> {
    return await this.attempt.workspace.database(this.name, this.attempt.settings);
  }

  /**
   * To be called before anything else is done with the values: no message then has a part of a secret.
   * @throws HoldfastError `secret-in-output`
   */
  refuseSecrets(what: string, ...values: readonly unknown[]): void {
    const { secrets } = this.attempt.workspace;
    if (!secrets.isEmpty) secrets.refuse(canonicalJson(values as Json), `${what} of the database ${this.name}`);
  }

  /** The table's name as this step, or the record, spelled it first. */
  spelled(table: string): string {
    const { stage, claim } = this.attempt;
    const { dialect } = this;
    const known = [...stage.tablesOf(this.name), ...claim.recordedTables(this.name)];
    return known.find((spelling) => isSameTable(dialect, spelling, table)) ?? table;
  }

  /** Observed once an attempt; undefined: there is no such table. @throws MustVerify where it is not as recorded */
  async schemaOf(table: string, { mayLean = false }: SchemaOptions = {}): Promise<TableSchemaState | undefined> {
    const { stage, claim } = this.attempt;
    const resource = formatResource({ kind: 'schema', database: this.name, table });
    let state = stage.observations.get(resource);
    if (state === undefined) {
      const database = await this.open();
      state = await database.schema(table, { mayLean: mayLean && stage.mayLean });
      // What was read earlier says nothing against the record.
      if (mayLean && !claim.isAsRecorded(resource, state)) state = await database.schema(table);
      claim.mustBeAsRecorded(resource, state);
      stage.observe(resource, state);
    }
    return state.kind === 'schema' ? state : undefined;
  }

  /** Of a table whose rows the step changes. @throws HoldfastError `unknown-table`; MustVerify */
  async existingSchema(table: string): Promise<TableSchemaState> {
    const schema = await this.schemaOf(table, { mayLean: true });
    if (schema === undefined)
      throw new HoldfastError(
        'unknown-table',
        `There is no table ${table}. A table that this step creates can be filled by a later step.`,
        { table },
      );
    return schema;
  }
}
