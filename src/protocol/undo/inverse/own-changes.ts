/**
 * What the job itself has made of a resource since a step: a statement of a later step, or what it set off, changes
 * rows of which the later step has no effect to undo.
 */
import type { StepRecord } from '../../../model/record/record.ts';
import { onlyColumns, sameState, type ResourceState } from '../../../model/record/world.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import { ChangesOfJob } from './changes-of-job.ts';

/** Of the job that is being undone in a workspace: each undoing reads only what was recorded since the one before. */
const CHANGES = new WeakMap<Workspace, ChangesOfJob>();

/** Of one undone step. The chain is read when something is otherwise than the step left it. */
export class OwnChanges {
  readonly #workspace: Workspace;
  readonly #ledger: Ledger;
  readonly #record: StepRecord;

  constructor(workspace: Workspace, ledger: Ledger, record: StepRecord) {
    this.#workspace = workspace;
    this.#ledger = ledger;
    this.#record = record;
  }

  /** Is what is found what the job has left, and has nobody else had a say in it since? */
  has(resource: string, found: ResourceState): boolean {
    const { jobId, seq } = this.#record;
    const entry = this.#ledger.manifestEntry(jobId, resource);
    if (entry === undefined || entry.seq <= seq) return false;
    if (entry.role !== 'written' && entry.role !== 'undone') return false;
    const recorded =
      entry.state.kind === 'row' && found.kind === 'row'
        ? onlyColumns(entry.state, Object.keys(found.columns))
        : entry.state;
    return sameState(found, recorded) && !this.#changes().isRuledOn(resource, seq);
  }

  #changes(): ChangesOfJob {
    const { jobId } = this.#record;
    const present = CHANGES.get(this.#workspace);
    const changes = present?.isOf(this.#ledger, jobId) === true ? present : new ChangesOfJob(jobId);
    CHANGES.set(this.#workspace, changes);
    changes.readOn(this.#ledger);
    return changes;
  }
}
