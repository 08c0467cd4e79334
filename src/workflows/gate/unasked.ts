/**
 * What people ask for without having been asked, by Signal or Update: a rewind, an edit.
 *
 * Invariants
 * 1. One is carried out in the turn of decisions, alone, and while nobody is asked about the world.
 * 2. What can't be used is recorded with the reason, changes nothing and never ends the job.
 * 3. One whose Activity fails may have been begun: the comparison that follows completes it, and what came of it is
 *    heard then. So the Workflow never goes on from steps that the record has taken back.
 */
import { ActivityFailure, ApplicationFailure, condition, isCancellation, TemporalFailure } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import type { RepairResult } from '../../model/job/repair.ts';
import { wholeRepair } from '../../model/job/repair-pages.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Parsed } from '../../model/parsed.ts';
import type { TakenWithinMs } from '../activities.ts';
import type { Decisions, DecisionsOptions, Repaired } from './decisions.ts';
import type { Verification } from './verification.ts';

export interface UnaskedOptions extends Pick<
  DecisionsOptions,
  'identity' | 'knowledge' | 'ending' | 'questions' | 'refusals' | 'watch'
> {
  readonly decisions: Decisions;
  readonly verification: Verification;
}

/** What one kind of it is. */
export interface Way<Asked extends object, Request extends object, Answer> {
  /** The Activity. */
  readonly activity: 'rewind' | 'edit';
  /** "a rewind" */
  readonly what: string;
  /** "The job was not rewound" */
  readonly notDone: (asked: Partial<Asked>) => string;
  /** What nothing is done to, and what to do, where the world is not as recorded. */
  readonly moved: (asked: Asked) => readonly [nothingWas: string, then: string];
  /** Never throws. */
  readonly parse: (value: unknown) => Parsed<Asked>;
  /** Why it can't be used now, as far as the Workflow knows; empty: it can. */
  readonly problemsIn: (asked: Asked) => readonly string[];
  readonly requestOf: (asked: Asked) => Request;
  readonly call: (request: Request, within: TakenWithinMs) => Promise<RepairResult>;
  /**
   * The record and the world are as it was asked for; the job's body is to go on from there.
   * @param compare compares the world, beside it
   */
  readonly use: (asked: Asked, result: Repaired, compare: () => void) => Answer;
}

export class Unasked<Asked extends object, Request extends object, Answer> {
  readonly #options: UnaskedOptions;
  readonly #way: Way<Asked, Request, Answer>;

  constructor(options: UnaskedOptions, way: Way<Asked, Request, Answer>) {
    this.#options = options;
    this.#way = way;
  }

  /** By Signal: carried out, or recorded with the reason why not. */
  async bySignal(value: unknown): Promise<void> {
    try {
      await this.byUpdate(value);
    } catch (error) {
      // It is among the refusals; what a Signal's handler throws would end the job.
      if (!(error instanceof ApplicationFailure)) throw error;
    }
  }

  /** Why it can't be used now; empty when it can, as far as the Workflow knows. */
  problemsOf(value: unknown): readonly string[] {
    const parsed = this.#way.parse(value);
    if ('problems' in parsed) return parsed.problems;
    return this.#problemsNow(parsed.value);
  }

  /** @throws ApplicationFailure `decision-refused` */
  async byUpdate(value: unknown): Promise<Answer> {
    const parsed = this.#way.parse(value);
    if ('problems' in parsed) throw this.#refused(value as Partial<Asked>, parsed.problems);
    return await this.#options.decisions.inTurn(() => this.#carryOut(parsed.value));
  }

  /**
   * Until it is carried out, or refused: where its Activity fails, or the world is not as recorded, the world is
   * compared and the same is asked for again. What was begun then answers with what was done.
   * @param known how far the record was known by whoever asked. Default: as far as it is now
   * @throws ApplicationFailure `decision-refused`: nothing was begun
   */
  async persistently(asked: Asked, known?: ChainPlace): Promise<Answer> {
    const { decisions, ending, verification } = this.#options;
    const problems = this.#way.problemsIn(asked);
    if (problems.length > 0) throw this.#refused(asked, problems);
    const request = { ...this.#way.requestOf(asked), ...defined({ known }) };
    for (;;) {
      const why = ending.whyUndecidable;
      if (why !== undefined) throw this.#refused(asked, [why]);
      try {
        const result = await decisions.inTurn(() => this.#call(request));
        if (result.kind === 'refused') throw this.#refused(asked, result.problems);
        if (result.kind === 'repaired') return this.#use(asked, result);
      } catch (error) {
        if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      }
      await verification.verify('repair-pending', this.#way.what);
    }
  }

  #problemsNow(asked: Asked): readonly string[] {
    const why = this.#whyNot;
    return why === undefined ? this.#way.problemsIn(asked) : [why];
  }

  get #whyNot(): string | undefined {
    const { ending, questions } = this.#options;
    const { what } = this.#way;
    if (ending.isUndoing || ending.undoing !== undefined)
      return `the job is being undone, which ${what} would cross; its undoing can be ended by an abort`;
    if (ending.whyUndecidable !== undefined) return ending.whyUndecidable;
    if (!questions.isAboutTheWorld) return undefined;
    return 'a question about the world is open: answer it first, so that what is taken back is as the record has it';
  }

  async #carryOut(asked: Asked): Promise<Answer> {
    const { ending, verification } = this.#options;
    await condition(() => !verification.isComparing || ending.whyUndecidable !== undefined);
    const problems = this.#problemsNow(asked);
    if (problems.length > 0) throw this.#refused(asked, problems);
    const request = this.#way.requestOf(asked);
    let result: RepairResult;
    try {
      result = await this.#call(request);
    } catch (error) {
      if (!(error instanceof TemporalFailure)) throw error;
      this.#compareAnd(() => this.#hearOf(asked, request));
      throw this.#refused(asked, [`it could not be carried out: ${(error.cause ?? error).message}`]);
    }
    if (result.kind === 'refused') throw this.#refused(asked, result.problems);
    if (result.kind === 'repaired') return this.#use(asked, result);
    this.#compareAnd(() => Promise.resolve());
    const named = result.resources.slice(0, 3).join(', ');
    const [nothingWas, then] = this.#way.moved(asked);
    throw this.#refused(asked, [
      `${named}: not as the record has it, so nothing was ${nothingWas}. The world is compared: answer its question, ` +
        `then ${then}`,
    ]);
  }

  async #call(request: Request): Promise<RepairResult> {
    const { decisions, watch } = this.#options;
    const { activity, call } = this.#way;
    return await decisions.cancellable(() =>
      wholeRepair(request, (page) => watch.untilTaken({ activity }, (withinMs) => call(page, withinMs))),
    );
  }

  #use(asked: Asked, result: Repaired): Answer {
    this.#options.decisions.adopt(result);
    return this.#way.use(asked, result, () => this.#compareAnd(() => Promise.resolve()));
  }

  /** Beside the turn: the comparison may ask, and its question is answered in a turn. */
  #compareAnd(then: () => Promise<void>): void {
    // An abort or a cancellation ends it; what goes on from the record then completes it first.
    const ended = (error: unknown): void => {
      if (!(error instanceof TemporalFailure)) throw error;
    };
    this.#options.verification.verify('repair-pending', this.#way.what).then(then).catch(ended);
  }

  /** Of one that failed: was it begun, and is it done by now? */
  async #hearOf(asked: Asked, request: Request): Promise<void> {
    const { decisions, ending } = this.#options;
    await decisions.inTurn(async () => {
      try {
        const result = await this.#call({ ...request, onlyBegun: true });
        if (result.kind === 'repaired') this.#use(asked, result);
      } catch (error) {
        if (!(error instanceof TemporalFailure) || ending.whyUndecidable !== undefined) throw error;
        this.#compareAnd(() => this.#hearOf(asked, request));
      }
    });
  }

  #refused(asked: Partial<Asked>, problems: readonly string[]): ApplicationFailure {
    this.#options.refusals.add(asked, problems);
    return ApplicationFailure.create({
      message: `${this.#way.notDone(asked)}: ${problems.join('; ')}.`.replace(/\.\.$/, '.'),
      type: 'decision-refused',
      nonRetryable: true,
    });
  }
}
