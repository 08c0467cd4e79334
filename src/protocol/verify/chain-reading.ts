/**
 * The chain as one verification reads it: once, from its stored texts, under the lock; what is recorded after that is
 * read when the verification concludes. A long chain is read on from the head up to which an earlier verification has
 * read it, which found no record ahead there.
 *
 * Invariants
 * 1. Each record after that head is read exactly once, in order.
 * 2. A head is remembered only where the chain is sound, the Workflow holds its end and nothing of it is ahead or taken
 *    back: so no record up to it can become ahead for this Run, or for one that begins after it.
 * 3. Where a decision is read that the Workflow has not heard of, everything is: it may take back a step before that.
 * 4. Once damage was met, by whomever, everything is read until all of it is sound.
 */
import { isFailure } from '../../model/failure.ts';
import { invariant } from '../../model/invariant.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { VerificationReason, VerifyWorldRequest } from '../../model/job/verify-world.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { ChainCheck } from '../../store/ledger/chain-check.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { ForgottenSteps } from './forgotten-steps.ts';

const BEGINNING: ChainPlace = { seq: 0, head: GENESIS };

/** Somebody has met damage, or wants to know. */
const READS_ALL: ReadonlySet<VerificationReason> = new Set(['record-missing', 'asked']);

export class ChainReading {
  readonly #request: VerifyWorldRequest;
  readonly #by: { readonly runId: string; readonly bootId: string };
  #forgotten: ForgottenSteps;
  #readTo = BEGINNING;
  #check: ChainCheck | undefined;

  /** @param by the Run that asks, and the start of the host in which it does */
  constructor(request: VerifyWorldRequest, by: { readonly runId: string; readonly bootId: string }) {
    this.#request = request;
    this.#by = by;
    this.#forgotten = new ForgottenSteps(request, by.runId);
  }

  get forgotten(): ForgottenSteps {
    return this.#forgotten;
  }

  /** Reads the chain and says whether it is sound. Once, under the lock. */
  async check(ledger: Ledger): Promise<ChainCheck> {
    invariant(this.#readTo === BEGINNING, 'a verification reads the chain once');
    const { jobId, base, known, reason } = this.#request;
    if (READS_ALL.has(reason)) forget(ledger, jobId);
    const read = (): Promise<ChainCheck> =>
      ledger.checkIntegrity(jobId, (record) => this.#forgotten.read(record), {
        ...this.#by,
        base,
        known,
        onAnew: () => this.#beginAnew(),
      });
    let check = await read();
    if (this.#forgotten.hasForgottenReruns && forget(ledger, jobId)) {
      this.#beginAnew();
      check = await read();
    }
    if (check.problems.length > 0) forget(ledger, jobId);
    this.#readTo = check.at;
    this.#check = check;
    return check;
  }

  /** For the next comparison. Call it inside a transaction, once the world can be compared. */
  remember(ledger: Ledger): void {
    const check = this.#check;
    const { jobId, known, reason } = this.#request;
    // Whoever has met damage that this one did not find would otherwise meet it for ever, and ask for the next one.
    if (reason === 'record-missing') return;
    const isHeld = check?.at.seq === known.seq && check.at.head === known.head;
    if (!isHeld || check.problems.length > 0) return;
    const { undoing, takenBack } = this.#forgotten;
    if (undoing !== undefined || takenBack.length > 0 || this.#forgotten.records().length > 0) return;
    const { at, sizeBytes, digests } = check;
    if (digests !== undefined) ledger.rememberChecked(jobId, { at, sizeBytes, ...digests, ...this.#by });
  }

  /** The record as it was found to be sound, if this is still its place; else as the ledger has it. */
  manifest(ledger: Ledger, at: ChainPlace): ChainCheck['manifest'] {
    const isAsChecked = this.#check?.at.seq === at.seq && this.#check.at.head === at.head;
    return isAsChecked ? this.#check!.manifest : ledger.manifest(this.#request.jobId);
  }

  /** What was recorded since; all of it where the ledger is another now. */
  async readOn(ledger: Ledger): Promise<void> {
    const { jobId } = this.#request;
    if (ledger.headAt(jobId, this.#readTo.seq) !== this.#readTo.head) this.#beginAnew();
    const { hasForgottenReruns: hadBefore } = this.#forgotten;
    await this.#visit(ledger);
    if (hadBefore || !this.#forgotten.hasForgottenReruns) return;
    this.#beginAnew();
    await this.#visit(ledger);
  }

  async #visit(ledger: Ledger): Promise<void> {
    await ledger.visitRecords(this.#request.jobId, this.#readTo.seq, ({ record, head }) => {
      this.#forgotten.read(record);
      this.#readTo = { seq: record.seq, head };
    });
  }

  #beginAnew(): void {
    this.#forgotten = new ForgottenSteps(this.#request, this.#by.runId);
    this.#readTo = BEGINNING;
  }
}

/**
 * The next comparison reads everything. A ledger that is too damaged for that has nothing to go on from, either. False:
 * it would have done so anyway.
 */
function forget(ledger: Ledger, jobId: string): boolean {
  try {
    return ledger.forgetChecked(jobId);
  } catch (error) {
    if (!isFailure(error, 'ledger-damaged')) throw error;
    return false;
  }
}
