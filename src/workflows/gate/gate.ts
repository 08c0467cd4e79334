/**
 * The resume gate: no step runs before the world has been compared with the record, and no difference passes without a
 * person's decision.
 *
 * Invariants
 * 1. It decides from Activities' results only, so that it replays the same after a reset.
 * 2. A step that waited for a comparison is simply requested again.
 * 3. A question about the world holds back every step; an approval or a stuck step holds back its own.
 * 4. While no worker takes anything, no step is requested; what none has taken is requested again, as it was.
 *
 * A step that meets no obstacle makes one promise of ours: the SDK takes a stack trace for each.
 */
import { allHandlersFinished, ApplicationFailure, condition } from '@temporalio/workflow';
import { jsonBytes } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import type { RunStepRequest, RunStepResult, StepDone } from '../../model/job/run-step.ts';
import { isAboutTheWorld, type Question } from '../../model/question/question.ts';
import { callRunStep, type StepCall } from '../activities.ts';
import { isPatched } from '../patches.ts';
import { failedByHand, provedBy } from '../state/results.ts';
import type { GateOptions, GateStep } from './gate-options.ts';
import { questionsOf, saysWhatIsAsked, stateFor, type Begun, type StuckStep } from './asked.ts';
import { resumeStep } from './resume.ts';
import { askStuck } from './stuck.ts';
import { detailOf } from './verification.ts';

export class Gate {
  readonly #options: GateOptions;

  /** Steps that wait until the world is settled. */
  #held = 0;
  #isAsking = false;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Is nothing under way, and nothing about to be? What waits for a person may be requested. */
  get isQuiet(): boolean {
    const { window, watch } = this.#options;
    if (!window.isEmpty || this.#isAsking || watch.isWaiting) return false;
    return this.#held === 0 || this.#isUnsettled;
  }

  /** Is no step requested? */
  get isIdle(): boolean {
    return this.#options.requested.size === 0;
  }

  /**
   * Runs one step behind the gate; returns when it is done, or undefined when a decision made this request void: the
   * caller then requests it again, with what its input is by then.
   * @param begun a first request for it that is under way
   * @throws ApplicationFailure `aborted`, or the step's own failure
   */
  async run(step: GateStep, begun?: Begun): Promise<StepDone | undefined> {
    const { ending, knowledge, rewinds, requested, questions, window, watch, checkpoints, results } = this.#options;
    const { stepId } = step.request;
    // The same for all of a super-step, since they are requested before any of them has ended.
    const parallelSince = step.isParallel === true ? knowledge.known.seq : undefined;
    const sizeBytes = jsonBytes(step.request.input);
    const rewoundBefore = begun?.rewound ?? rewinds.count;
    let first = begun;
    requested.add(stepId);
    try {
      for (;;) {
        const present = first;
        first = undefined;
        if (present === undefined) ending.throwIfAborted();
        if (present === undefined && this.#isUnsettled) await this.#whenWorldIsSettled(stepId);
        const turn = present === undefined ? window.enter(sizeBytes) : undefined;
        let call = present?.call;
        let result: RunStepResult | undefined;
        let stuck: StuckStep | undefined;
        let since = 0;
        try {
          if (turn !== undefined) await turn;
          // What has come about while it waited is looked at first.
          if (turn !== undefined && (ending.aborted !== undefined || this.#isUnsettled)) continue;
          if (present === undefined && rewinds.isVoid(stepId, rewoundBefore)) return this.#void(stepId);
          since = present?.settled ?? questions.settledCount;
          const asked = present?.asked ?? watch.ask();
          try {
            call ??= this.#call(step, parallelSince);
            result = await (present?.answer ?? callRunStep(call, asked.withinMs));
            watch.noteTaken(asked);
            if (!results.counts(provedBy(call), result)) result = undefined;
          } catch (error) {
            if (watch.isUntaken(error)) {
              watch.noteNotTaken(asked, { activity: 'runStep', stepId });
            } else {
              stuck = failedByHand(stepId, error);
              if (stuck === undefined) throw error;
            }
          }
        } finally {
          window.leave(sizeBytes);
          checkpoints.returned(call?.request, result);
        }
        if (stuck !== undefined) await this.askStuck(stuck);
        if (result === undefined) {
          const pause = results.pauseBefore(provedBy(call));
          if (pause !== undefined) await pause;
          continue;
        }
        this.#closeWhatIsOver(stepId, result);
        const done = result.kind === 'done' ? this.#done(stepId, result) : await this.#next(step, result, since);
        if (rewinds.isVoid(stepId, rewoundBefore)) return this.#void(stepId);
        if (done !== undefined) return done;
      }
    } finally {
      requested.delete(stepId);
      questions.onChange();
    }
  }

  /**
   * Runs one step alone, then `use`; what is not simply done goes the way of `run`. Its promise is the only one beside
   * Temporal's, where nothing stands in the way.
   * @throws as `run`, and whatever `use` throws
   */
  runThen<T>(step: GateStep, use: (done: StepDone | undefined) => T | Promise<T>): Promise<T> {
    const { ending, knowledge, rewinds, requested, questions, window, watch, checkpoints, results } = this.#options;
    const { stepId } = step.request;
    const sizeBytes = jsonBytes(step.request.input);
    if (ending.aborted !== undefined || this.#isUnsettled || !window.enterAtOnce(sizeBytes))
      return this.run(step).then(use);
    requested.add(stepId);
    const asked = watch.ask();
    const call = this.#call(step, undefined);
    const answer = callRunStep(call, asked.withinMs);
    const begun: Begun = { call, answer, asked, settled: questions.settledCount, rewound: rewinds.count };
    const goOn = (): Promise<T> => this.run(step, begun).then(use);
    return answer.then((result) => {
      if (!results.isProved(provedBy(call), result)) return goOn();
      const isVoid = rewinds.isVoid(stepId, begun.rewound);
      if (result.kind !== 'done' || isVoid || result.generation < knowledge.generationOf(stepId)) return goOn();
      window.leave(sizeBytes);
      checkpoints.returned(call.request, result);
      watch.noteTaken(asked);
      this.#closeWhatIsOver(stepId, result);
      const done = this.#done(stepId, result);
      requested.delete(stepId);
      questions.onChange();
      return use(done);
    }, goOn);
  }

  #call({ request: given, retry }: GateStep, parallelSince: number | undefined): StepCall {
    const { identity, board, knowledge, verification, checkpoints } = this.#options;
    const { stepId, step } = given;
    const generation = knowledge.generationOf(stepId);
    board.set(stepId, { step, generation, state: 'running', effects: '' });
    const request: RunStepRequest = {
      ...given,
      ...identity,
      term: knowledge.term,
      known: knowledge.known,
      generation,
      ...defined({ parallelSince, mark: verification.takeMark(stepId), checkpoints: checkpoints.take() }),
    };
    return { request, retry };
  }

  /** Of what the step and its sub-steps have asked, by what it asks now. */
  #closeWhatIsOver(stepId: string, result: RunStepResult): void {
    const { questions } = this.#options;
    const asked = questionsOf(result);
    questions.closeAdopted(stepId, asked);
    if (saysWhatIsAsked(result)) questions.closeOfSubSteps(stepId, asked);
  }

  #void(stepId: string): undefined {
    const { board, knowledge, rewinds } = this.#options;
    rewinds.noteVoid(stepId);
    board.set(stepId, { generation: knowledge.generationOf(stepId), state: 'waiting', effects: '' });
    return undefined;
  }

  #done(stepId: string, result: StepDone): StepDone | undefined {
    const { board, knowledge, checkpoints } = this.#options;
    // A rerun may have been decided while the step ran: then this is the old generation's result.
    if (result.generation < knowledge.generationOf(stepId)) return undefined;
    knowledge.noteDone(stepId, result);
    checkpoints.ended.done(stepId, result.generation);
    board.set(stepId, { generation: result.generation, state: 'done', effects: result.effects });
    return result;
  }

  /** @param since how many questions were settled when the step was requested */
  async #next(step: GateStep, result: Exclude<RunStepResult, StepDone>, since: number): Promise<undefined> {
    const { board, knowledge, ending, questions, verification, checkpoints } = this.#options;
    const { stepId } = step.request;
    switch (result.kind) {
      case 'verification-required':
        board.set(stepId, { state: 'held' });
        await verification.verify(result.reason, result.detail);
        verification.cover(stepId);
        return undefined;
      case 'other-generation':
        knowledge.setGeneration(stepId, result.generation);
        return undefined;
      case 'held':
      case 'question': {
        board.set(stepId, { state: stateFor(result.question) });
        const asked = questionsOf(result);
        for (const question of asked) questions.ask(question, since);
        await questions.whenOneAnswered(asked.map(({ digest }) => digest));
        const answered = asked.find(({ digest }) => !questions.has(digest)) ?? result.question;
        // While a person looked at the question, the world was in people's hands.
        if (isAboutTheWorld(result.question) || isPatched('compare-after-every-answer')) {
          await verification.verify('decided', detailOf(answered));
          verification.cover(stepId);
        }
        return undefined;
      }
      case 'resumes':
        await resumeStep(this.#options, stepId, result, step.resumeAfterMs ?? 0);
        return undefined;
      case 'failed':
        // The answer that aborts the job may still be on its way.
        if (result.type === 'aborted') await condition(() => ending.aborted !== undefined || allHandlersFinished());
        ending.throwIfAborted();
        board.set(stepId, { state: 'failed' });
        checkpoints.ended.failed(stepId, knowledge.generationOf(stepId), result);
        throw ApplicationFailure.create({
          message: result.message,
          type: result.type,
          nonRetryable: true,
          ...defined({ details: result.rejection && [result.rejection] }),
        });
    }
  }

  /** Puts to a person that a step can't go on, and waits for the decision; then the world is compared again. */
  async askStuck(stuck: StuckStep): Promise<void> {
    const { questions, verification } = this.#options;
    const { stepId } = stuck;
    this.#isAsking = true;
    let question: Question;
    try {
      question = await askStuck(this.#options, stuck);
    } finally {
      this.#isAsking = false;
    }
    questions.closeAdopted(stepId, [question]);
    questions.ask(question);
    await questions.whenAnswered(question.digest);
    await verification.verify('decided', detailOf(question));
  }

  get #isUnsettled(): boolean {
    const { verification, questions, watch } = this.#options;
    return verification.isRunning || questions.isAboutTheWorld || watch.isWaiting;
  }

  async #whenWorldIsSettled(stepId: string): Promise<void> {
    const { board, ending, watch } = this.#options;
    if (watch.wait === undefined) board.set(stepId, { state: 'held' });
    else board.set(stepId, { state: 'waiting', effects: `no worker since ${watch.wait.since}` });
    this.#held += 1;
    try {
      await condition(() => ending.aborted !== undefined || !this.#isUnsettled);
    } finally {
      this.#held -= 1;
    }
    ending.throwIfAborted();
  }
}
