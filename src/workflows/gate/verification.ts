/**
 * The comparison of the world with the record, as the Workflow sees it.
 *
 * Invariants
 * 1. It is single-flight: who comes while one runs waits for that one. It belongs to the job: whoever asked for it may
 *    be cancelled, the others get it all the same.
 * 2. It ends only when nothing differs, with every difference decided by a person before.
 */
import { CancellationScope } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import { shortDigest } from '../../model/digest.ts';
import type { VerificationReason, VerifyWorldRequest, VerifyWorldResult } from '../../model/job/verify-world.ts';
import { isAboutTheWorld, type Question } from '../../model/question/question.ts';
import { callVerifyWorld } from '../activities.ts';
import { isPatched } from '../patches.ts';
import type { Ending } from '../state/ending.ts';
import type { Knowledge } from '../state/knowledge.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { Resuming } from '../state/resuming.ts';
import type { RunOrigin } from '../state/run-origin.ts';
import type { SearchAttributes } from '../state/search-attributes.ts';
import type { WorkerWatch } from '../state/worker-watch.ts';

export interface VerificationOptions {
  readonly origin: RunOrigin;
  readonly knowledge: Knowledge;
  readonly ending: Ending;
  readonly questions: OpenQuestions;
  readonly attributes: SearchAttributes;
  readonly watch: WorkerWatch;
  readonly resuming: Resuming;
  /** Steps that are requested now. */
  readonly requested: ReadonlySet<string>;
  /** Of the job's body. */
  readonly scope: CancellationScope;
}

/** How often a job looks by itself whether the workspace that it waits for is free: at first, and at most. */
const FIRST_LOOK_MS = 2_000;
const MAX_LOOK_MS = 10 * 60_000;

interface Running {
  readonly ends: Promise<void>;
  readonly scope: CancellationScope;
}

/** Thrown where the job that is resumed is given up, and another one begins; never leaves `JobCore`. */
export class BeginsAnew extends Error {
  override readonly name = 'BeginsAnew';
}

export class Verification {
  readonly #options: VerificationOptions;
  #current: Running | undefined;
  #count = 0;
  #last = 'not yet';
  #mark: number | undefined;
  #isComparing = false;
  /** Steps that the last comparison was made for and that have not been requested since. */
  readonly #coveredSteps = new Set<string>();

  constructor(options: VerificationOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** Is the world being looked at? False while a person is asked about it. */
  get isComparing(): boolean {
    return this.#isComparing;
  }

  /** Has the world been compared in this Run? */
  get isFirstMade(): boolean {
    return this.#count > 1 || (this.#count === 1 && !this.#isComparing);
  }

  /** For people: how often the world was compared in this Run, and why the last time. */
  get summary(): { readonly count: number; readonly last: string } {
    return { count: this.#count, last: this.#last };
  }

  /** The next request for the step may name the comparison that was just made. */
  cover(stepId: string): void {
    this.#coveredSteps.add(stepId);
  }

  /** The mark of the comparison that was just made for the step; it can be named once. */
  takeMark(stepId: string): number | undefined {
    return this.#coveredSteps.delete(stepId) ? this.#mark : undefined;
  }

  /** Compares the world with the record until nothing differs. @throws ApplicationFailure `aborted` */
  async verify(reason: VerificationReason, detail: string): Promise<void> {
    const asking = CancellationScope.current();
    const isFirst = this.#current === undefined;
    if (isFirst && asking.consideredCancelled) await asking.cancelRequested;
    this.#current ??= this.#begin(reason, detail, asking);
    await this.#unlessGivenUp(this.#current, asking, isFirst);
  }

  #begin(reason: VerificationReason, detail: string, asking: CancellationScope): Running {
    const { scope: job, questions } = this.#options;
    // Who cleans up after a cancellation may still compare the world.
    const isTheJobs = asking.cancellable && !job.consideredCancelled;
    const scope = isTheJobs ? new CancellationScope({ cancellable: true, parent: job }) : asking;
    const ends = scope
      .run(() => this.#verifyUntilSettled(reason, detail))
      .finally(() => {
        this.#current = undefined;
        questions.show();
      });
    return { ends, scope };
  }

  /** Who asked for it may be cancelled alone; where the whole job ends, it waits for what is in flight. */
  async #unlessGivenUp({ ends, scope }: Running, asking: CancellationScope, isFirst: boolean): Promise<void> {
    const { scope: job } = this.#options;
    if (asking === job || !asking.cancellable) return await ends;
    const givenUp = asking.cancelRequested.catch(async (cancellation: unknown) => {
      if (!job.consideredCancelled) {
        if (isPatched('a-shared-comparison-is-the-jobs')) throw cancellation;
        if (isFirst) scope.cancel();
      }
      await ends;
    });
    await Promise.race([ends, givenUp]);
  }

  async #verifyUntilSettled(reason: VerificationReason, detail: string): Promise<void> {
    const { origin, knowledge, ending, questions, requested, watch, resuming } = this.#options;
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, MAX_LOOK_MS)) {
      ending.throwIfAborted();
      this.#last = `${reason}: ${detail}`;
      this.#count += 1;
      const since = questions.settledCount;
      const request = (): VerifyWorldRequest =>
        defined({
          ...origin,
          base: knowledge.base,
          known: knowledge.known,
          holds: knowledge.holds,
          reason,
          detail: detail.slice(0, 500),
          asking: [...requested],
          resume: resuming.request,
        });
      this.#isComparing = true;
      let result: VerifyWorldResult;
      try {
        result = await watch.untilTaken({ activity: 'verifyWorld' }, (withinMs) =>
          callVerifyWorld(request(), withinMs),
        );
      } finally {
        this.#isComparing = false;
      }
      this.#note(result);
      if (result.kind === 'verified') return;
      const { question } = result;
      questions.ask(question, since);
      const isFreedByItself = waitsForAnotherJob(question) && isPatched('a-freed-workspace-is-noticed');
      await questions.whenAnswered(question.digest, isFreedByItself ? lookMs : undefined);
      if (resuming.isAnew) throw new BeginsAnew();
      const isAnswered = !questions.has(question.digest);
      reason = isAnswered ? 'decided' : 'bound-to-another-job';
      detail = isAnswered ? detailOf(question) : 'is the workspace free by now?';
    }
  }

  #note(result: VerifyWorldResult): void {
    const { knowledge, questions, attributes, resuming } = this.#options;
    attributes.areKnown = result.searchAttributes;
    knowledge.term = result.term;
    const asked = result.kind === 'question' ? result.question.digest : undefined;
    // The ledger has withdrawn the questions about the world that it does not return.
    questions.closeAll((question) => isAboutTheWorld(question) && question.digest !== asked);
    if (result.kind !== 'verified') return;
    this.#mark = result.mark;
    knowledge.advance(result.at);
    if (result.resumed === undefined) return;
    knowledge.goOnFrom(result.at, result.resumed.generations);
    resuming.note(result.resumed);
  }
}

/** Does it need no person, once the job that has the workspace gives it back? */
function waitsForAnotherJob({ kind, findings }: Question): boolean {
  return kind === 'foreign' && findings.every(({ answers }) => !answers.includes('accept'));
}

/** Why the world is compared after an answer. */
export function detailOf(question: Question): string {
  return `question ${shortDigest(question.digest)}`;
}
