/**
 * Who has had a say in each resource since some place of a job's chain. It is read once for a whole undoing, which asks
 * about one step after the other: each time only what was recorded since.
 *
 * Invariant: each record is read once, in order.
 */
import { invariant } from '../../../model/invariant.ts';
import type { ChainPlace } from '../../../model/job/chain-place.ts';
import { GENESIS } from '../../../model/record/chain.ts';
import { uriOf } from '../../../model/record/effect.ts';
import type { ChainRecord } from '../../../model/record/record.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';

/** What a record did to a resource: accepted it, changed it by a step, or took back what a step or all had changed. */
interface Deed {
  readonly seq: number;
  readonly kind: 'accepted' | 'held' | 'undone';
  readonly step?: string | undefined;
}

export class ChangesOfJob {
  readonly #jobId: string;
  readonly #deeds = new Map<string, Deed[]>();
  #readTo: ChainPlace = { seq: 0, head: GENESIS };

  constructor(jobId: string) {
    this.#jobId = jobId;
  }

  /** Was this read from the chain that the ledger has of the job? */
  isOf(ledger: Pick<Ledger, 'headAt'>, jobId: string): boolean {
    return this.#jobId === jobId && ledger.headAt(jobId, this.#readTo.seq) === this.#readTo.head;
  }

  readOn(ledger: Pick<Ledger, 'records'>): void {
    for (const { record, head } of ledger.records(this.#jobId, this.#readTo.seq)) {
      invariant(record.seq > this.#readTo.seq, 'a chain is read in order');
      this.#add(record);
      this.#readTo = { seq: record.seq, head };
    }
  }

  /** Has a decision accepted it since, or do effects of later steps still hold it? */
  isRuledOn(resource: string, since: number): boolean {
    const held = new Set<string>();
    for (const { seq, kind, step } of this.#deeds.get(resource) ?? []) {
      if (seq <= since) continue;
      if (kind === 'accepted') return true;
      if (kind === 'held') held.add(step!);
      else if (step === undefined) held.clear();
      else held.delete(step);
    }
    return held.size > 0;
  }

  #add(record: ChainRecord): void {
    const { seq } = record;
    const step = 'stepId' in record ? `${record.stepId}/${record.generation}` : undefined;
    for (const { resource, role } of record.changes)
      if (role === 'accepted' || role === 'undone') this.#note(resource, { seq, kind: role, step });
    if (record.kind !== 'step') return;
    for (const { effect, outcome } of record.effects) {
      const resource = outcome === 'applied' ? uriOf(effect) : undefined;
      if (resource !== undefined) this.#note(resource, { seq, kind: 'held', step });
    }
  }

  #note(resource: string, deed: Deed): void {
    const deeds = this.#deeds.get(resource);
    if (deeds === undefined) this.#deeds.set(resource, [deed]);
    else deeds.push(deed);
  }
}
