/** A job's state as search attributes, where the server has them. */
import { upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';

const STATE_ATTRIBUTE = defineSearchAttributeKey('HoldfastState', 'KEYWORD');
const DISCREPANCIES_ATTRIBUTE = defineSearchAttributeKey('HoldfastDiscrepancies', 'INT');

export class SearchAttributes {
  /** Does the server have them? Known from Activities' results. */
  areKnown = false;
  #shown = '';

  /** They change only when the state does: each change is an event in the history. */
  show(state: string, discrepancies: number): void {
    const shown = `${state} ${discrepancies}`;
    if (!this.areKnown || shown === this.#shown) return;
    this.#shown = shown;
    upsertSearchAttributes([
      { key: STATE_ATTRIBUTE, value: state },
      { key: DISCREPANCIES_ATTRIBUTE, value: discrepancies },
    ]);
  }
}
