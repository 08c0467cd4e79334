/**
 * A job that is pinned to a version of its workers goes on with the version that is current by now, in a new Run: where
 * it needs one anyway, and where a person wakes it.
 *
 * Invariants
 * 1. It moves only where no Activity of the job is under way and no message is handled: while it waits for people and
 *    timers alone, or at the end of a step.
 * 2. A new Run that is still on the version it was to leave does not move again: the chain would never end.
 * 3. What came together with the wake, in whatever order, is heard first: a decision, an abort, a cancellation. A timer
 *    that fires with it is carried over, and over at once in the new Run.
 * 4. It does not move while it takes a step for done that a decision which it has forgotten took back: a new Run would
 *    take that decision for known, and go on from the step. Whatever has it run again, or ended, ends that.
 * 5. A Workflow that runs without Worker Versioning takes the way that it took before there was any of this.
 */
import { allHandlersFinished, CancellationScope, condition, log, workflowInfo } from '@temporalio/workflow';
import { restsOnWhatIsUndone } from '../../model/question/question.ts';
import { isPatched } from '../patches.ts';
import type { JobParts } from './parts.ts';
import type { Waits } from './waits.ts';

/** `name:build-id` */
type Version = string;

export class Moving {
  readonly #parts: JobParts;
  readonly #waits: Waits;
  readonly #leftVersion: Version | undefined;
  #isWoken = false;

  /** @param leftVersion the one that the Run before moved away from */
  constructor(parts: JobParts, waits: Waits, leftVersion: Version | undefined) {
    this.#parts = parts;
    this.#waits = waits;
    this.#leftVersion = leftVersion;
  }

  /** A person asks a waiting job to look whether it should move. */
  wake(): void {
    if (!this.#isOffered) log.info('woken, and there is no other version to go on with');
    this.#isWoken ||= this.#isOffered;
  }

  /** Should the job, which was woken and stands between two steps, go on in a new Run on another version? */
  get isDue(): boolean {
    return this.#isWoken && this.#isOffered && isPatched('a-pinned-job-moves-to-the-current-version');
  }

  /** What the body comes to, unless `move` takes its place. */
  unlessMoved<T>(body: Promise<T>, move: () => Promise<never>): Promise<T> {
    if (versionNow() === undefined) return body;
    return Promise.race([body, this.#whenAtRest().then(move)]);
  }

  /** For the new Run. */
  get carried(): { readonly leftVersion?: Version } {
    const version = versionNow();
    return this.#isOffered && version !== undefined ? { leftVersion: version } : {};
  }

  /** Ends with nothing but a move: where the job is cancelled, the body finishes what is half done. */
  async #whenAtRest(): Promise<void> {
    const job = CancellationScope.current();
    const isDue = (): boolean => this.#isWoken && this.#isOffered && this.#isAtRest && !job.consideredCancelled;
    // The SDK looks after each event of a Workflow Task, and another version may be offered again by that Task: what
    // comes behind the first event is not heard by then (a cancellation), so that it is looked at twice.
    while (!isDue()) await CancellationScope.nonCancellable(() => condition(isDue));
    if (!isPatched('a-pinned-job-moves-to-the-current-version')) await new Promise<never>(() => undefined);
  }

  get #isOffered(): boolean {
    return workflowInfo().targetWorkerDeploymentVersionChanged && versionNow() !== this.#leftVersion;
  }

  get #isAtRest(): boolean {
    const { ending, gate, questions, verification, runningPlans } = this.#parts;
    // Without either a user's own Workflow waits for what nobody knows here.
    const waits = questions.all.length > 0 || this.#waits.isWaiting;
    const isQuiet =
      questions.isAllUnanswered && gate.isQuiet && !verification.isComparing && runningPlans.all.length === 0;
    return (
      waits &&
      isQuiet &&
      !questions.all.some(restsOnWhatIsUndone) &&
      ending.state === 'running' &&
      allHandlersFinished()
    );
  }
}

function versionNow(): Version | undefined {
  const { currentDeploymentVersion: version } = workflowInfo();
  return version === undefined ? undefined : `${version.deploymentName}:${version.buildId}`;
}
