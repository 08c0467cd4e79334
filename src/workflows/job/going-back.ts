/**
 * The body of a job that a person has taken back to a checkpoint goes on from there: a plan's scheduler takes what came
 * after it for void; a user's own Workflow starts from its beginning, where what is done answers from the record.
 */
import type { RewoundTo } from '../../model/job/repair.ts';
import type { Rewinding } from '../gate/rewinding.ts';
import { JobRestart } from './body-outcome.ts';
import type { JobParts } from './parts.ts';
import type { PlanHooks } from './plan-hooks.ts';
import type { Waits } from './waits.ts';

export class GoingBack {
  readonly #parts: JobParts;
  readonly #waits: Waits;
  readonly #hooks: Pick<PlanHooks, 'onRewound'> | undefined;
  #isBeforeBody = false;
  /** What carries rewinds out. */
  rewinding: Rewinding | undefined;
  #endBody: (reason: JobRestart) => void = () => undefined;

  /** @param hooks of a plan's scheduler */
  constructor(parts: JobParts, waits: Waits, hooks: Pick<PlanHooks, 'onRewound'> | undefined) {
    this.#parts = parts;
    this.#waits = waits;
    this.#hooks = hooks;
  }

  /**
   * A job that had ended goes back before its body begins, which then goes on from its beginning: what is done answers
   * from the record. @throws ApplicationFailure `decision-refused`: it ends again
   */
  async first(): Promise<void> {
    const { resuming, view } = this.#parts;
    const { rewind } = resuming;
    if (rewind === undefined) return;
    this.#isBeforeBody = true;
    view.wentBack = await this.rewinding!.persistently(rewind);
    this.#isBeforeBody = false;
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
    if (this.#hooks === undefined) this.#endBody(new JobRestart());
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
