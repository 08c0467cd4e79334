/**
 * One attempt's hold on a token. Each claim has a random nonce; a later claim of the token replaces it, and the attempt
 * that had it is refused at its next durable act.
 *
 * Invariants
 * 1. Everything durable is written in a transaction that has found this claim to be the current one.
 * 2. A claim writes only calls of its own token; the answer of a call is recorded only after "about to be made".
 * 3. The claim of a sub-step is current only while that of the step around it is.
 */
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { invariant } from '../../model/invariant.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { isUndoId } from '../../model/record/token.ts';
import { sameState, type FileState, type ResourceState } from '../../model/record/world.ts';
import type { ClaimRow } from '../../store/ledger/claims.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { performDigest, type PerformRow } from '../../store/ledger/perform-row.ts';
import { mustBeAsRecorded } from './manifest-check.ts';
import type { Caller } from '../host.ts';
import { isOnlyRefreshed } from '../workspace/refreshed.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface ClaimScope {
  readonly workspace: Workspace;
  readonly caller: Caller;
  /** Call under its lock. */
  readonly ledger: Ledger;
}

export interface ClaimHold {
  /** Of a sub-step: the claim of the step around it, which fences it, too. */
  readonly within?: Claim;
  /** Has it a row? Default: yes, but not within another. */
  readonly isStored?: boolean;
  /** Has the token had no claim before? */
  readonly isFirst: boolean;
}

export class Claim {
  readonly #workspace: Workspace;
  readonly #caller: Caller;
  readonly #ledger: Ledger;
  readonly #within: Claim | undefined;
  #row: ClaimRow;
  /** Is there a row of this claim? A sub-step has none before it has something to keep. */
  #isStored: boolean;
  /** A call has the claim of its step before it: the first attempt at the first generation has only its own. */
  #mayHaveCalls: boolean;
  /** As the attempt has read them last, by database. */
  readonly #tables = new Map<string, readonly string[]>();
  /** What commands in place of this attempt have changed: the record does not have it yet. */
  readonly changedInPlace = new Map<string, ResourceState>();

  constructor({ workspace, caller, ledger }: ClaimScope, row: ClaimRow, { within, isStored, isFirst }: ClaimHold) {
    this.#workspace = workspace;
    this.#caller = caller;
    this.#ledger = ledger;
    this.#row = row;
    this.#within = within;
    this.#isStored = isStored ?? within === undefined;
    this.#mayHaveCalls = !isFirst || row.generation > 0;
  }

  get row(): ClaimRow {
    return this.#row;
  }

  /** May the ledger have calls of this step, in this generation or an earlier one? */
  get mayHaveCalls(): boolean {
    return this.#mayHaveCalls;
  }

  /** @throws MustVerify, HoldfastError `busy` */
  mustBeAsRecorded(resource: string, found: ResourceState): void {
    const changed = this.changedInPlace.get(resource);
    if (changed !== undefined && sameState(changed, found)) return;
    mustBeAsRecorded(this.#ledger, this.#row.jobId, resource, found);
  }

  isAsRecorded(resource: string, found: ResourceState): boolean {
    const recorded = this.manifestEntry(resource)?.state;
    return recorded === undefined || sameState(recorded, found);
  }

  /** The same of a file, whose content may have to be read. @throws MustVerify, HoldfastError `busy` */
  async fileMustBeAsRecorded(resource: string, found: FileState): Promise<void> {
    if (this.isAsRecorded(resource, found)) return;
    const recorded = this.manifestEntry(resource)!.state;
    if (await isOnlyRefreshed(this.#workspace, resource, recorded, found)) return;
    this.mustBeAsRecorded(resource, found);
  }

  manifestEntry(resource: string): ManifestEntry | undefined {
    return this.#ledger.manifestEntry(this.#row.jobId, resource);
  }

  recordedTables(database: string): readonly string[] {
    const tables = this.#ledger.recordedTables(this.#row.jobId, database);
    this.#tables.set(database, tables);
    return tables;
  }

  /**
   * As they are now; read again only where a record was appended since the attempt was admitted. Call under the lock.
   * @param admittedAt how many records there were then
   */
  recordedTablesNow(ledger: Ledger, database: string, admittedAt: number): readonly string[] {
    const seen = ledger.job(this.#row.jobId)?.at.seq === admittedAt ? this.#tables.get(database) : undefined;
    return seen ?? ledger.recordedTables(this.#row.jobId, database);
  }

  /** Of `ctx.once`, or of a command, in this draft. */
  async recordedValue(name: string): Promise<{ readonly value: string; readonly reads: Digest } | undefined> {
    return await Promise.resolve(this.#ledger.once.find(this.#row.token, this.#row.draft, name));
  }

  /** @param contents small contents that the value names @throws HoldfastError `fenced` */
  async recordValue(
    name: string,
    value: string,
    reads: Digest,
    contents: ReadonlyMap<Digest, Uint8Array> = new Map(),
  ): Promise<void> {
    await this.#durably(`record ${name}`, (ledger) => {
      for (const [content, bytes] of contents) ledger.putContent(content, bytes);
      ledger.once.put(this.#row.token, this.#row.draft, name, { value, reads });
    });
  }

  /** Begins a new draft with the named values of the old one; all of the old one's stay as evidence. */
  async newDraft(names: readonly string[], why: string): Promise<void> {
    this.#caller.log(`a new draft begins: ${why}`, { stepId: this.#row.stepId, draft: this.#row.draft + 1 });
    await this.#durably('new draft', (ledger) => {
      const { token, draft } = this.#row;
      this.#row = { ...this.#row, draft: draft + 1 };
      this.#store(ledger);
      for (const name of names) ledger.once.copy(token, name, draft, draft + 1);
    });
  }

  /** What the ledger has of a call: of this generation, or of the latest one before it that has made the call. */
  callInForce(name: string): PerformRow | undefined {
    return this.#ledger.performInForce(this.#row.jobId, this.#row.stepId, name, this.#row.generation);
  }

  /** Reads the ledger without the lock: for what only this claim writes, or what is checked again under the lock. */
  read<T>(look: (ledger: Ledger) => T): T {
    return look(this.#ledger);
  }

  stepRecordOf(token: Digest): StepRecord | undefined {
    return this.#ledger.stepRecord(token)?.record;
  }

  /**
   * Writes what is known of a call, if the ledger still has what was `seen` of it. One fsynced commit.
   * @param mayAct runs under the lock before anything is written; it throws what stands in the way
   * @throws HoldfastError `fenced`
   */
  async putPerform(seen: PerformRow | undefined, next: PerformRow, mayAct?: (ledger: Ledger) => void): Promise<void> {
    invariant(next.token === this.#row.token, 'a claim writes calls of its own token');
    invariant(next.state !== 'done' || seen?.state === 'about', 'an answer follows a call that was about to be made');
    this.#mayHaveCalls = true;
    await this.#durably(`record ${next.name}`, (ledger) => {
      mayAct?.(ledger);
      const found = ledger.perform(next.token, next.name);
      const isAsSeen =
        found === undefined
          ? seen?.token !== next.token
          : seen?.token === next.token && performDigest(found) === performDigest(seen);
      if (!isAsSeen)
        throw new HoldfastError(
          'fenced',
          `What is recorded of ${next.name} has changed meanwhile; ` +
            `this attempt of step ${this.#row.stepId} does nothing more.`,
          { stepId: this.#row.stepId },
        );
      ledger.putPerform(next);
    });
  }

  /** Read without the lock: tells early that the claim was replaced, never for certain that it was not. */
  get isCurrent(): boolean {
    if (this.#within?.isCurrent === false) return false;
    return !this.#isStored || this.#ledger.claim(this.#row.token)?.nonce === this.#row.nonce;
  }

  /** Call under the lock. @throws HoldfastError `fenced` unless this is the current claim, and its Run the job's */
  mustBeCurrent(ledger: Ledger): void {
    this.#within?.mustBeCurrent(ledger);
    if (this.#isStored && ledger.claim(this.#row.token)?.nonce !== this.#row.nonce) {
      throw new HoldfastError(
        'fenced',
        `Another attempt has taken over step ${this.#row.stepId}; this one does nothing more.`,
        { stepId: this.#row.stepId },
      );
    }
    const job = ledger.job(this.#row.jobId);
    if (
      job === undefined ||
      job.state !== (isUndoId(this.#row.stepId) ? 'undoing' : 'open') ||
      job.runId !== this.#caller.runId
    ) {
      throw new HoldfastError(
        'fenced',
        `Another Run of the job has taken over; step ${this.#row.stepId} does nothing more.`,
        { stepId: this.#row.stepId },
      );
    }
  }

  update(ledger: Ledger, change: Partial<Pick<ClaimRow, 'state' | 'failures' | 'dropped' | 'draft'>>): void {
    this.#row = { ...this.#row, ...change };
    // Of a sub-step that is done its record says all that its row would.
    if (change.state === 'done' && !this.#isStored) return;
    this.#store(ledger);
  }

  #store(ledger: Ledger): void {
    ledger.putClaim(this.#row);
    this.#isStored = true;
  }

  /** Closes the claim after the step's code has thrown: a claim that is left open means a lost worker. */
  async close(change: Partial<Pick<ClaimRow, 'failures' | 'dropped' | 'draft'>> = {}): Promise<void> {
    await this.#workspace.exclusive('close claim', (ledger) => {
      const found = ledger.claim(this.#row.token);
      if (found?.nonce !== this.#row.nonce) return;
      // Its ordinal may have risen since: it was found left open, and no comparison before that covers it.
      this.#row = { ...this.#row, ordinal: found.ordinal };
      ledger.transaction(() => this.update(ledger, { ...change, state: 'closed' }), { relaxed: true });
    });
  }

  async #durably(purpose: string, work: (ledger: Ledger) => void): Promise<void> {
    await this.#workspace.exclusive(purpose, (ledger) =>
      ledger.transaction(() => {
        this.mustBeCurrent(ledger);
        // What is kept belongs to these arguments and this draft: the row says which.
        if (!this.#isStored) this.#store(ledger);
        work(ledger);
      }),
    );
  }
}
