/**
 * Rewinds that people ask for, by Signal or Update: the job goes back to one of its checkpoints.
 *
 * Invariants
 * 1. One is carried out in the turn of decisions, alone, and while nobody is asked about the world.
 * 2. What can't be used is recorded with the reason, changes nothing and never ends the job.
 * 3. One whose Activity fails may have been begun: the comparison that follows completes it, and what came of it is
 *    heard then. So the Workflow never goes on from steps that the record has taken back.
 */
import { ApplicationFailure, condition, TemporalFailure } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import type { RepairResult, RewoundTo } from '../../model/job/repair.ts';
import { wholeRepair } from '../../model/job/repair-pages.ts';
import { parseRewind, type Rewind, type RewindRequest } from '../../model/job/rewind.ts';
import { callRewind } from '../activities.ts';
import type { RewindAnswer } from '../messages.ts';
import type { Decisions, DecisionsOptions, Repaired } from './decisions.ts';
import type { Verification } from './verification.ts';

export interface RewindingOptions extends Pick<
  DecisionsOptions,
  'identity' | 'knowledge' | 'ending' | 'questions' | 'refusals' | 'watch'
> {
  readonly decisions: Decisions;
  readonly verification: Verification;
  /** The record and the world are at the checkpoint; the job's body is to go on from there. */
  readonly onWentBack: (to: RewoundTo) => void;
}

export class Rewinding {
  readonly #options: RewindingOptions;

  constructor(options: RewindingOptions) {
    this.#options = options;
  }

  /** By Signal: carried out, or recorded with the reason why not. */
  async rewindBySignal(value: unknown): Promise<void> {
    const parsed = parseRewind(value);
    if ('problems' in parsed) return this.#options.refusals.add(value, parsed.problems);
    try {
      await this.rewind(parsed.value);
    } catch (error) {
      // It is among the refusals; what a Signal's handler throws would end the job.
      if (!(error instanceof ApplicationFailure)) throw error;
    }
  }

  /** Why it can't be used now; empty when it can, as far as the Workflow knows. */
  problemsOf(value: unknown): readonly string[] {
    const parsed = parseRewind(value);
    if ('problems' in parsed) return parsed.problems;
    const why = this.#whyNot;
    return why === undefined ? [] : [why];
  }

  /** @throws ApplicationFailure `decision-refused` */
  async rewind(rewind: Rewind): Promise<RewindAnswer> {
    return await this.#options.decisions.inTurn(() => this.#carryOut(rewind));
  }

  get #whyNot(): string | undefined {
    const { ending, questions } = this.#options;
    if (ending.isUndoing || ending.undoing !== undefined)
      return 'the job is being undone, which a rewind would cross; its undoing can be ended by an abort';
    if (ending.whyUndecidable !== undefined) return ending.whyUndecidable;
    if (!questions.isAboutTheWorld) return undefined;
    return 'a question about the world is open: answer it first, so that what is taken back is as the record has it';
  }

  async #carryOut(rewind: Rewind): Promise<RewindAnswer> {
    const { identity, knowledge, ending, verification } = this.#options;
    await condition(() => !verification.isComparing || ending.whyUndecidable !== undefined);
    const why = this.#whyNot;
    if (why !== undefined) throw this.#refused(rewind, [why]);
    const request: RewindRequest = { ...identity, rewind, known: knowledge.known };
    let result: RepairResult;
    try {
      result = await this.#call(request);
    } catch (error) {
      if (!(error instanceof TemporalFailure)) throw error;
      this.#compareAnd(() => this.#hearOf(request));
      throw this.#refused(rewind, [`it could not be carried out: ${(error.cause ?? error).message}`]);
    }
    if (result.kind === 'refused') throw this.#refused(rewind, result.problems);
    if (result.kind === 'repaired') return this.#use(result, request);
    this.#compareAnd(() => Promise.resolve());
    const named = result.resources.slice(0, 3).join(', ');
    const [nothing, again] = rewind.undo === true ? ['put back', 'undo it again'] : ['taken back', 'rewind again'];
    throw this.#refused(rewind, [
      `${named}: not as the record has it, so nothing was ${nothing}. The world is compared: answer its question, ` +
        `then ${again}`,
    ]);
  }

  async #call(request: RewindRequest): Promise<RepairResult> {
    const { decisions, watch } = this.#options;
    return await decisions.cancellable(() =>
      wholeRepair(request, (page) =>
        watch.untilTaken({ activity: 'rewind' }, (withinMs) => callRewind(page, withinMs)),
      ),
    );
  }

  #use(result: Repaired, { rewind }: RewindRequest): RewindAnswer {
    const { decisions, onWentBack } = this.#options;
    decisions.adopt(result);
    const { rewoundTo, reruns, reinstated, notes } = result;
    if (rewoundTo !== undefined) onWentBack(rewoundTo);
    // What steps had read whose results count again may have changed since.
    if (rewind.undo === true) this.#compareAnd(() => Promise.resolve());
    const again = new Set(reinstated);
    const runsAgain = reruns.map(({ stepId }) => stepId).filter((stepId) => !again.has(stepId));
    return { to: rewoundTo?.seq ?? 0, runsAgain, ...defined({ reinstated }), done: notes };
  }

  /** Beside the turn: the comparison may ask, and its question is answered in a turn. */
  #compareAnd(then: () => Promise<void>): void {
    // An abort or a cancellation ends it; what goes on from the record then completes the rewind first.
    const ended = (error: unknown): void => {
      if (!(error instanceof TemporalFailure)) throw error;
    };
    this.#options.verification.verify('repair-pending', 'a rewind').then(then).catch(ended);
  }

  /** Of a rewind that failed: was it begun, and is it done by now? */
  async #hearOf(request: RewindRequest): Promise<void> {
    const { decisions, ending } = this.#options;
    await decisions.inTurn(async () => {
      try {
        const result = await this.#call({ ...request, onlyBegun: true });
        if (result.kind === 'repaired') this.#use(result, request);
      } catch (error) {
        if (!(error instanceof TemporalFailure) || ending.whyUndecidable !== undefined) throw error;
        this.#compareAnd(() => this.#hearOf(request));
      }
    });
  }

  #refused(rewind: Rewind, problems: readonly string[]): ApplicationFailure {
    this.#options.refusals.add(rewind, problems);
    const what = rewind.undo === true ? 'The rewind was not undone' : 'The job was not rewound';
    return ApplicationFailure.create({
      message: `${what}: ${problems.join('; ')}.`.replace(/\.\.$/, '.'),
      type: 'decision-refused',
      nonRetryable: true,
    });
  }
}
