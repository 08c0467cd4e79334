/**
 * A job that is started from a store, or that had ended and goes back, until its first comparison has found the record
 * that it goes on with.
 *
 * Invariant: until then nothing of the job is requested but comparisons.
 */
import type { Resume, Resumed, ResumeRequest } from '../../model/job/resume.ts';
import { defined } from '../../model/defined.ts';
import type { Decision } from '../../model/question/decision.ts';
import type { Rewind } from '../../model/job/rewind.ts';
import type { Question } from '../../model/question/question.ts';
import { jobIdNow, type JobIdentity, type ResumedIdentity } from './run-origin.ts';

export class Resuming {
  readonly #resume: Resume | undefined;
  readonly #identity: JobIdentity;
  readonly #carried: ResumedIdentity | undefined;
  #isOver = false;
  #older: ResumeRequest['older'];
  #isAnew = false;
  /** What the record has, once it is known. */
  onResumed: (resumed: Resumed) => void = () => {};

  /**
   * @param resume undefined: the job is not started from a store
   * @param carried what this Run was given
   */
  constructor(resume: Resume | undefined, identity: JobIdentity, carried: ResumedIdentity | undefined) {
    this.#resume = resume;
    this.#identity = identity;
    this.#carried = carried;
  }

  /** For a new Run. */
  get carried(): ResumedIdentity | undefined {
    if (!this.#isAnew) return this.#carried;
    // It is another job, in the places that were given.
    return { ...this.#carried, jobId: jobIdNow(undefined), workspace: this.#identity.workspace };
  }

  /** For the next comparison. Undefined: it is one like any other. */
  get request(): ResumeRequest | undefined {
    if (this.#resume === undefined || this.#isOver) return undefined;
    const { at, head, rewind, by, reason } = this.#resume;
    return { by, reason, ...defined({ at, head, rewind, older: this.#older }) };
  }

  /** Of a job that had ended: what is carried out before its body goes on. */
  get rewind(): Rewind | undefined {
    if (this.#resume?.rewind === undefined) return undefined;
    const { rewind, by, reason } = this.#resume;
    return { ...rewind, by, reason };
  }

  /** Why the world is compared at first, for people. */
  detail(isFirstRun: boolean): string {
    if (this.request?.rewind !== undefined) return 'the job had ended, and goes back';
    if (this.request !== undefined) return 'the job is started from a store';
    return isFirstRun ? 'the job starts' : 'the job goes on in a new Run';
  }

  /** A person has said that another job begins from nothing. */
  get isAnew(): boolean {
    return this.#isAnew;
  }

  /** A person has said which checkpoint it goes on from. */
  decided({ findings }: Question, { answer, by, reason }: Decision): void {
    const head = findings[0]?.found.digest;
    if (answer === 'older' && head != null) this.#older = { head, by, reason };
    if (answer === 'anew') this.#isAnew = true;
  }

  note(resumed: Resumed): void {
    this.#isOver = true;
    this.onResumed(resumed);
  }
}
