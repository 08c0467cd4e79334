/** Answers the Signals, Updates and Queries of a job. */
import { ApplicationFailure, setDefaultSignalHandler, setHandler } from '@temporalio/workflow';
import { boundedQuestions } from '../../model/question/bounded-question.ts';
import { parseDecision } from '../../model/question/decision.ts';
import { whyUnreadable } from '../../model/unreadable.ts';
import type { Decisions } from '../gate/decisions.ts';
import {
  abortSignal,
  checkpointsQuery,
  decideSignal,
  decideUpdate,
  questionsQuery,
  stateQuery,
  statusQuery,
  wakeSignal,
  type DecideAnswer,
} from '../messages.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { Refusals } from '../state/refusals.ts';
import { CheckpointQueries, type CheckpointQueriesOptions } from './checkpoint-queries.ts';
import type { JobView } from './view.ts';

export interface HandlersOptions extends CheckpointQueriesOptions {
  readonly view: JobView;
  readonly questions: OpenQuestions;
  readonly decisions: Decisions;
  readonly refusals: Refusals;
  /** A person wants a waiting job to look whether it should move to another version. */
  readonly onWake: () => void;
}

/** Signals that came before are delivered at once. */
export function handleMessages({ view, questions, decisions, refusals, onWake, ...asked }: HandlersOptions): void {
  setHandler(statusQuery, () => view.status);
  setHandler(questionsQuery, () => boundedQuestions(questions.all));
  const queries = new CheckpointQueries(asked);
  setHandler(stateQuery, (at) => queries.state(at));
  setHandler(checkpointsQuery, () => queries.list());
  setHandler(decideSignal, async (value) => {
    const why = whyUnreadable(value);
    if (why !== undefined) return refusals.add({}, [unreadableText(why)]);
    await decisions.decideBySignal(value);
    view.refresh();
  });
  setHandler(abortSignal, (value) => {
    const why = whyUnreadable(value);
    if (why === undefined) decisions.abortBySignal(value);
    else refusals.add({}, [unreadableText(why)]);
  });
  setHandler(wakeSignal, onWake);
  setHandler(
    decideUpdate,
    async (value): Promise<DecideAnswer> => {
      const parsed = parseDecision(value);
      if ('problems' in parsed) throw refused(parsed.problems.join('; '));
      const answer = await decisions.decide(parsed.decision);
      view.refresh();
      return answer;
    },
    {
      validator: (value) => {
        const why = whyUnreadable(value);
        const problems = why === undefined ? decisions.problemsOf(value) : [unreadableText(why)];
        if (problems.length > 0) throw refused(`The decision can't be used: ${problems.join('; ')}.`);
      },
    },
  );
  setDefaultSignalHandler((name) => refusals.addSignal(name));
}

function unreadableText(why: string): string {
  return `what was sent cannot be read: ${why.replace(/\.$/, '')}`;
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'decision-refused', nonRetryable: true });
}
