/** Answers the Signals, Updates and Queries of a job. */
import { ApplicationFailure, setDefaultSignalHandler, setHandler } from '@temporalio/workflow';
import { parseDecision } from '../../model/question/decision.ts';
import type { Decisions } from '../gate/decisions.ts';
import {
  abortSignal,
  decideSignal,
  decideUpdate,
  questionsQuery,
  statusQuery,
  type DecideAnswer,
} from '../messages.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { Refusals } from '../state/refusals.ts';
import type { JobView } from './view.ts';

export interface HandlersOptions {
  readonly view: JobView;
  readonly questions: OpenQuestions;
  readonly decisions: Decisions;
  readonly refusals: Refusals;
}

/** Signals that came before are delivered at once. */
export function handleMessages({ view, questions, decisions, refusals }: HandlersOptions): void {
  setHandler(statusQuery, () => view.status);
  setHandler(questionsQuery, () => questions.all);
  setHandler(decideSignal, async (value) => {
    await decisions.decideBySignal(value);
    view.refresh();
  });
  setHandler(abortSignal, (value) => decisions.abortBySignal(value));
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
        const problems = decisions.problemsOf(value);
        if (problems.length > 0) throw refused(`The decision can't be used: ${problems.join('; ')}.`);
      },
    },
  );
  setDefaultSignalHandler((name) => refusals.addSignal(name));
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'decision-refused', nonRetryable: true });
}
