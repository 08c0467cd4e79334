/**
 * The chain as one verification reads it: once, from its stored texts, under the lock; what is recorded after that is
 * read when the verification concludes.
 *
 * Invariant: each record in force is read exactly once, in order.
 */
import { invariant } from '../../model/invariant.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { ChainCheck } from '../../store/ledger/chain-check.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { ForgottenSteps } from './forgotten-steps.ts';

const BEGINNING: ChainPlace = { seq: 0, head: GENESIS };

export class ChainReading {
  readonly #request: VerifyWorldRequest;
  readonly #runId: string;
  #forgotten: ForgottenSteps;
  #readTo = BEGINNING;
  #check: ChainCheck | undefined;

  constructor(request: VerifyWorldRequest, runId: string) {
    this.#request = request;
    this.#runId = runId;
    this.#forgotten = new ForgottenSteps(request, runId);
  }

  get forgotten(): ForgottenSteps {
    return this.#forgotten;
  }

  /** Reads the whole chain and says whether it is sound. Once, under the lock. */
  async check(ledger: Ledger): Promise<ChainCheck> {
    invariant(this.#readTo === BEGINNING, 'a verification reads the chain once from its beginning');
    this.#check = await ledger.checkIntegrity(this.#request.jobId, (record) => this.#forgotten.read(record));
    this.#readTo = this.#check.at;
    return this.#check;
  }

  /** The record as it was found to be sound, if this is still its place; else as the ledger has it. */
  manifest(ledger: Ledger, at: ChainPlace): ChainCheck['manifest'] {
    const isAsChecked = this.#check?.at.seq === at.seq && this.#check.at.head === at.head;
    return isAsChecked ? this.#check!.manifest : ledger.manifest(this.#request.jobId);
  }

  /** What was recorded since; all of it where the ledger is another now. */
  async readOn(ledger: Ledger): Promise<void> {
    const { jobId } = this.#request;
    if (ledger.headAt(jobId, this.#readTo.seq) !== this.#readTo.head) {
      this.#forgotten = new ForgottenSteps(this.#request, this.#runId);
      this.#readTo = BEGINNING;
    }
    await ledger.visitRecords(jobId, this.#readTo.seq, ({ record, head }) => {
      this.#forgotten.read(record);
      this.#readTo = { seq: record.seq, head };
    });
  }
}
