/**
 * The job that is forked, as a copy of its ledger has it.
 *
 * Invariant: nothing is written in its workspace, and its worker is not held up: no lock is taken.
 */
import { existsSync, realpathSync } from 'node:fs';
import { HoldfastError } from '../model/failure.ts';
import { hasLedger, LedgerCopy } from '../protocol/inspect/ledger-copy.ts';
import { namedJob } from '../protocol/inspect/named-job.ts';
import { UndoPlan } from '../protocol/undo/plan/plan.ts';
import { Workspace } from '../protocol/workspace/workspace.ts';
import type { JobRow } from '../store/ledger/jobs.ts';
import type { Ledger } from '../store/ledger/ledger.ts';
import type { ChainText } from './moment.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Places of effects that are in force still, by the number of their record. */
export type InForce = ReadonlyMap<number, (place: number) => boolean>;

export class ForkSource implements AsyncDisposable {
  readonly root: string;
  readonly jobId: string;
  readonly env: Env;
  /** For contents, and for what of the workspace counts as its files. */
  readonly workspace: Workspace;
  readonly #copy: LedgerCopy;
  #records: readonly ChainText[] | undefined;

  private constructor(root: string, env: Env, copy: LedgerCopy, jobId: string) {
    this.root = root;
    this.env = env;
    this.jobId = jobId;
    this.#copy = copy;
    this.workspace = new Workspace(root, env);
    this.workspace.readContentsFrom(copy.ledger);
    this.workspace.reserveDatabases(this.job.settings);
  }

  /**
   * @param job by Workflow id or job id. Default: the job that has the workspace, else its latest
   * @throws HoldfastError `not-found`, `ledger-damaged`, `busy`, `permission-denied`
   */
  static async open(folder: string, job: string | undefined, env: Env): Promise<ForkSource> {
    if (!existsSync(folder)) throw new HoldfastError('not-found', `There is no folder ${folder}.`, { folder });
    const root = realpathSync(folder);
    if (!hasLedger(root))
      throw new HoldfastError('not-found', `${root} has no record of a job: nothing can be forked from it.`, {
        folder: root,
      });
    const copy = await LedgerCopy.of(root);
    try {
      return new ForkSource(root, env, copy, namedJob(copy.ledger, root, job).jobId);
    } catch (error) {
      copy[Symbol.dispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.workspace.close();
    this.#copy[Symbol.dispose]();
  }

  get job(): JobRow {
    return this.ledger.job(this.jobId)!;
  }

  get ledger(): Ledger {
    return this.#copy.ledger;
  }

  /** The record as it is now. */
  async renew(): Promise<void> {
    await this.#copy.renew();
    this.#records = undefined;
    this.workspace.readContentsFrom(this.ledger);
  }

  /** The whole chain, proved once for each copy of it. @throws HoldfastError `ledger-damaged` */
  records(): readonly ChainText[] {
    return (this.#records ??= this.#proved());
  }

  #proved(): readonly ChainText[] {
    const damage = this.ledger.integrityProblems(this.jobId);
    if (damage.length > 0)
      throw new HoldfastError('ledger-damaged', `The record in ${this.root} is damaged: ${damage.join('; ')}.`, {
        damage,
      });
    return [...this.ledger.records(this.jobId)].map(({ record, text, head }) => ({ record, text, head }));
  }

  async inForce(): Promise<InForce> {
    const plan = await UndoPlan.of(this.ledger, this.jobId);
    const items = plan.items(this.ledger, this.jobId, new Map());
    return new Map(
      items.flatMap(({ seq, skip }) =>
        seq === null ? [] : [[seq, (place: number) => !skip.includes(place)] as const],
      ),
    );
  }
}
