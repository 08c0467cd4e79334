/**
 * A job that is started from a store, or that had ended and goes back, until its first comparison has found the record
 * that it goes on with, and it has gone back.
 *
 * Invariants
 * 1. Until then nothing of the job is requested but comparisons, and the rewind.
 * 2. A new Run that is begun before goes on with all that is still to be done of it.
 */
import { workflowInfo } from '@temporalio/workflow';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Resume, Resumed, ResumeRequest } from '../../model/job/resume.ts';
import { defined } from '../../model/defined.ts';
import type { Decision } from '../../model/question/decision.ts';
import type { Rewind } from '../../model/job/rewind.ts';
import type { Question } from '../../model/question/question.ts';
import { jobIdNow, type JobIdentity, type ResumedIdentity } from './run-origin.ts';

/** For a new Run: what is still to be done. */
export interface CarriedResuming {
  readonly resume: Resume;
  /** The Run that began it: what that has recorded needs no second record. */
  readonly begunBy: string;
  /** A person has said which checkpoint it goes on from. */
  readonly older?: ResumeRequest['older'];
  /** Its record is found, and has been asked to go back from there: the same rewind is asked for again. */
  readonly from?: ChainPlace;
}

interface ResumingOptions {
  /** What this Run was started with. */
  readonly resume: Resume | undefined;
  readonly identity: JobIdentity;
  /** What this Run was given. */
  readonly resumed: ResumedIdentity | undefined;
  /** Likewise, by a Run that had not finished it. */
  readonly unfinished: CarriedResuming | undefined;
}

export class Resuming {
  readonly #resume: Resume | undefined;
  readonly #identity: JobIdentity;
  readonly #carried: ResumedIdentity | undefined;
  readonly #begunBy: string | undefined;
  #isFound: boolean;
  #isBack = false;
  #from: ChainPlace | undefined;
  #older: ResumeRequest['older'];
  #isAnew = false;
  /** What the record has, once it is known. */
  onResumed: (resumed: Resumed) => void = () => {};

  constructor({ resume, identity, resumed, unfinished }: ResumingOptions) {
    this.#resume = resume ?? unfinished?.resume;
    this.#identity = identity;
    this.#carried = resumed;
    this.#begunBy = unfinished?.begunBy;
    this.#older = unfinished?.older;
    this.#from = unfinished?.from;
    this.#isFound = this.#from !== undefined;
  }

  /** For a new Run. */
  get carried(): ResumedIdentity | undefined {
    if (!this.#isAnew) return this.#carried;
    // It is another job, in the places that were given.
    return { ...this.#carried, jobId: jobIdNow(undefined), workspace: this.#identity.workspace };
  }

  /** Likewise. Undefined: nothing of it is left. */
  get unfinished(): CarriedResuming | undefined {
    if (this.#resume === undefined || this.#isAnew || !this.isUnfinished) return undefined;
    const begunBy = this.#begunBy ?? workflowInfo().runId;
    return { resume: this.#resume, begunBy, ...defined({ older: this.#older, from: this.#from }) };
  }

  /** Has the job's body not begun to go on from its record? */
  get isUnfinished(): boolean {
    return this.request !== undefined || (this.rewind !== undefined && !this.#isBack);
  }

  get isFound(): boolean {
    return this.#isFound;
  }

  /** For the next comparison. Undefined: it is one like any other. */
  get request(): ResumeRequest | undefined {
    if (this.#resume === undefined || this.#isFound) return undefined;
    const { at, head, rewind, by, reason } = this.#resume;
    return { by, reason, ...defined({ at, head, rewind, older: this.#older, begunBy: this.#begunBy }) };
  }

  /** Of a job that had ended: what is carried out before its body goes on. */
  get rewind(): Rewind | undefined {
    if (this.#resume?.rewind === undefined) return undefined;
    const { rewind, by, reason } = this.#resume;
    return { ...rewind, by, reason };
  }

  /** The place that the rewind is asked for at: in each Run the same, so that it is the same rewind. */
  rewindFrom(known: ChainPlace): ChainPlace {
    this.#from ??= known;
    return this.#from;
  }

  /** The rewind is carried out. */
  wentBack(): void {
    this.#isBack = true;
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
    this.#isFound = true;
    this.onResumed(resumed);
  }
}
