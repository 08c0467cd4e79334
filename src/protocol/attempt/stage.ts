/**
 * What one attempt of a step has read, staged and decided: nothing of it is in the world yet.
 *
 * Invariants
 * 1. Every read of a resource that the record knows must find what the record says, else the attempt unwinds
 *    (MustVerify).
 * 2. A step sees its own staged files; a query of a table with staged changes is an error that says so.
 * 3. A resource has one staged change: later ones are folded into it, or refused.
 */
import type { JsonObject } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ListingObservation, QueryObservation } from '../../model/record/observation.ts';
import type { SqlEffect } from '../../model/record/effect.ts';
import { formatResource, parseResource } from '../../model/record/resource.ts';
import { stateDigest, withoutBehaviour, type FileState, type ResourceState } from '../../model/record/world.ts';
import type { FileSighting } from '../../effects/files/index.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import type { Doubt } from '../question/doubt.ts';
import { SmallContents } from './small-contents.ts';
import { SubStepResults } from './sub-step-results.ts';
import { type StagedFile, stateOfStaged } from './staged-file.ts';
import { type StagedChange, type StagedRow, foldRow } from './staged-row.ts';

export class Stage {
  readonly files = new Map<string, StagedFile>();
  /** In the order in which they were staged; folded rows keep the place of the first. */
  readonly changes: StagedChange[] = [];
  /** Contents of the staged files that are small enough; the seal writes them. */
  readonly contents: SmallContents;

  /** The state of every resource that was read. */
  readonly observations = new Map<string, ResourceState>();
  /** What each file looked like when it was read or is about to be replaced, for the check before applying. */
  readonly seenFiles = new Map<string, FileSighting>();
  readonly queries: QueryObservation[] = [];
  readonly listings: ListingObservation[] = [];
  /** Commands whose result the code has, by name: a result is something that the step read. */
  readonly commands = new Map<string, Digest>();

  /** Sub-steps whose result the code has. */
  readonly subSteps = new SubStepResults();

  readonly logs: { message: string; fields?: JsonObject }[] = [];
  /** Names of values, calls and commands: each is used once. */
  readonly takenNames = new Set<string>();
  /** Of those, the ones whose recorded value the code has. */
  readonly usedValues = new Set<string>();

  /** Calls that happened and whose answer the code has. */
  readonly performed = new Map<string, PerformRow>();
  /** Calls that a person is asked about. */
  readonly inDoubt = new Map<string, Doubt>();
  /** Commands that run, or are being ended: an attempt waits for them, also when it is cut off. */
  readonly runningCommands = new Set<Promise<unknown>>();
  /** Calls that are under way: an attempt waits for them unless it is cut off. */
  readonly runningCalls = new Set<Promise<unknown>>();
  /**
   * Errors by which a call said that it did not happen. If such an error comes out of another call, it says nothing of
   * that one.
   */
  readonly attributedErrors = new WeakSet<Error>();
  /** Everything of the context that is under way: an attempt waits for it unless it is cut off. */
  readonly running = new Set<Promise<unknown>>();
  /** Failures that the code may have left untaken. */
  readonly unawaited: { readonly isTaken: () => boolean; readonly error: Error }[] = [];
  /** The error of a call that ends the attempt, even if the code has caught it. */
  mustEnd: { readonly error: unknown } | undefined;
  /** The code has ended: what it still runs may not act any more. */
  isOver = false;
  /** What the code has thrown; whatever else fails is not its own failure. */
  thrown: unknown;
  readonly #rowPlaces = new Map<string, number>();

  /**
   * May what is known of tables and rows stand for a look at them before they are changed? The transaction compares
   * them.
   */
  readonly mayLean: boolean;

  /** @param options.keepsContents false: somebody looks at the contents before the seal */
  constructor({ keepsContents, mayLean = false }: { readonly keepsContents: boolean; readonly mayLean?: boolean }) {
    this.contents = new SmallContents({ isUsed: keepsContents });
    this.mayLean = mayLean;
  }

  observe(resource: string, state: ResourceState): void {
    this.observations.set(resource, state);
  }

  /**
   * What a `once` value depends on: everything read so far, and which calls were made anew, since their answers have
   * changed.
   */
  onceDigest(): Digest {
    const anew = [...this.performed.values()]
      .filter(({ round }) => round > 0)
      .map(({ name, round }) => `${name} ${round}`)
      .sort();
    return anew.length === 0 ? this.readsDigest() : digestOf({ reads: this.readsDigest(), anew });
  }

  /** The digest of everything read so far that the code can tell apart: it sees neither triggers nor policies. */
  readsDigest(): Digest {
    return digestOf({
      resources: [...this.observations]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([resource, state]) => [resource, stateDigest(withoutBehaviour(state))]),
      queries: this.queries.map(({ database, sql, params, rows }) => ({ database, sql, params, rows })),
      listings: this.listings.map(({ folder, recursive, entries }) => ({ folder, recursive, entries })),
      ...(this.commands.size === 0 ? {} : { commands: [...this.commands] }),
      ...(this.subSteps.count === 0 ? {} : { subSteps: this.subSteps.digest }),
    });
  }

  /** What a read of a staged path finds; undefined: nothing is staged there. */
  stagedState(path: string): FileState | undefined {
    const staged = this.files.get(path);
    return staged === undefined ? undefined : stateOfStaged(staged);
  }

  /** Stages a state. The last one that is staged of a path counts, in the place of the last in the order. */
  put(path: string, after: FileState, before?: FileState): void {
    this.files.delete(path);
    this.files.set(path, { kind: 'put', path, after, ...defined({ before }) });
  }

  /** @throws HoldfastError `same-target-twice` */
  stageRow(row: StagedRow): void {
    const uri = formatResource({ kind: 'row', database: row.database, table: row.table, key: row.key });
    const place = this.#rowPlaces.get(uri);
    if (place === undefined) {
      this.#rowPlaces.set(uri, this.changes.length);
      this.changes.push(row);
      return;
    }
    if (this.changes.slice(place).some((change) => change.kind === 'sql' && change.database === row.database)) {
      throw new HoldfastError(
        'same-target-twice',
        `${uri} is changed before and after a raw statement of the same step; the order could not be kept.`,
        { resource: uri },
      );
    }
    this.changes[place] = foldRow(this.changes[place] as StagedRow, row, uri);
  }

  stageSql(effect: SqlEffect): void {
    this.changes.push(effect);
  }

  /** Tables of a database whose schemas were observed. */
  tablesOf(database: string): readonly string[] {
    return [...this.observations.keys()]
      .filter((resource) => resource.startsWith('schema:'))
      .map(parseResource)
      .flatMap((resource) => (resource.kind === 'schema' && resource.database === database ? [resource.table] : []));
  }

  /** Tables with staged changes in a database. */
  stagedTables(database: string): ReadonlySet<string> {
    return new Set(
      this.changes
        .filter((change) => change.database === database)
        .flatMap((change) => (change.kind === 'sql' ? change.writes : [change.table])),
    );
  }
}
