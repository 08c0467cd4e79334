/**
 * The body of a job that a person has taken back to a checkpoint, or has put in a step of, goes on from there: a plan's
 * scheduler takes what came after it for void; a user's own Workflow starts from its beginning, where what is done
 * answers from the record. What the job was started with to that end is carried out before its body begins.
 */
import { defined } from '../../model/defined.ts';
import type { RewoundTo } from '../../model/job/repair.ts';
import type { Rewind } from '../../model/job/rewind.ts';
import type { Editing } from '../gate/editing.ts';
import type { Rewinding } from '../gate/rewinding.ts';
import { JobRestart } from './body-outcome.ts';
import type { Carried, ForkPlace } from './continue-as-new.ts';
import type { JobParts } from './parts.ts';
import type { PlanHooks } from './plan-hooks.ts';
import type { Waits } from './waits.ts';

/** What carries out rewinds and edits. */
export interface AskedAtFirst {
  readonly rewinding: Rewinding;
  readonly editing: Editing;
}

interface GoingBackOptions {
  readonly waits: Waits;
  /** Of a plan's scheduler. */
  readonly hooks: Pick<PlanHooks, 'onRewound'> | undefined;
  readonly carried: Pick<Carried, 'fork' | 'wentBack'> | undefined;
}

/** Of what is told of a rewind in later Runs. */
const MAX_STEPS_TOLD = 200;
const MAX_NOTES_TOLD = 20;

export class GoingBack {
  readonly #parts: JobParts;
  readonly #waits: Waits;
  readonly #hooks: GoingBackOptions['hooks'];
  #fork: ForkPlace | undefined;
  #isBeforeBody = false;
  asked: AskedAtFirst | undefined;
  #endBody: (reason: JobRestart) => void = () => undefined;

  constructor(parts: JobParts, { waits, hooks, carried }: GoingBackOptions) {
    this.#parts = parts;
    this.#waits = waits;
    this.#hooks = hooks;
    this.#fork = carried?.fork;
    parts.view.wentBack = carried?.wentBack;
  }

  /** For a new Run: an edit that is not carried out yet is among it. */
  get carried(): Pick<Carried, 'fork' | 'wentBack'> {
    const { wentBack } = this.#parts.view;
    const told = wentBack && {
      ...wentBack,
      runsAgain: wentBack.runsAgain.slice(0, MAX_STEPS_TOLD),
      done: wentBack.done.slice(0, MAX_NOTES_TOLD),
    };
    return defined({ fork: this.#fork, wentBack: told });
  }

  /**
   * A job that had ended goes back, and a fork has put in what it was made with, before its body begins. That goes on
   * from its beginning: what is done answers from the record. @throws ApplicationFailure `decision-refused`: it ends
   */
  async first(): Promise<void> {
    const { resuming } = this.#parts;
    this.#isBeforeBody = true;
    if (resuming.rewind !== undefined && resuming.isUnfinished) await this.#rewindEnded(resuming.rewind);
    if (this.#fork?.edit !== undefined) await this.#editFork(this.#fork, this.#fork.edit);
    this.#isBeforeBody = false;
  }

  async #rewindEnded(rewind: Rewind): Promise<void> {
    const { resuming, knowledge, view } = this.#parts;
    view.wentBack = await this.asked!.rewinding.persistently(rewind, resuming.rewindFrom(knowledge.known));
    resuming.wentBack();
  }

  async #editFork({ workspace, databases, from }: ForkPlace, edit: NonNullable<ForkPlace['edit']>): Promise<void> {
    const { seq, head } = from;
    // A Workflow that is reset to before it asks for the same edit, however far the record is by then.
    await this.asked!.editing.persistently(edit, { seq, head });
    this.#fork = { workspace, databases, from };
  }

  /** What waits for a time need not any longer. */
  to(checkpoint: RewoundTo): void {
    if (this.#isBeforeBody) return this.#parts.checkpoints.rewoundAt(checkpoint.digest);
    if (this.#hooks === undefined) return this.#endBody(new JobRestart());
    this.#parts.checkpoints.goBackTo(checkpoint);
    // All that ran next then is void, recorded or not.
    this.#hooks.onRewound(checkpoint.next);
    this.#waits.endNow();
  }

  /** A person has put in what a step comes to: a plan's scheduler asks for it when the step's turn comes. */
  toEdited(): void {
    if (this.#hooks === undefined && !this.#isBeforeBody) this.#endBody(new JobRestart());
  }

  /**
   * What the body comes to, unless it must start anew: whatever it waits for may be what it has been taken back from.
   * @throws JobRestart
   */
  unlessAnew<T>(body: Promise<T>): Promise<T> {
    if (this.#hooks !== undefined) return body;
    return new Promise<T>((resolve, reject) => {
      this.#endBody = reject;
      body.then(resolve, reject);
    });
  }
}
