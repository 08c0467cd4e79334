/** Answers the Signals, Updates and Queries of a job. */
import { ApplicationFailure, setDefaultSignalHandler, setHandler, type SignalDefinition } from '@temporalio/workflow';
import type { UpdateDefinition } from '@temporalio/common';
import { boundedQuestions } from '../../model/question/bounded-question.ts';
import { parseDecision } from '../../model/question/decision.ts';
import { whyUnreadable } from '../../model/unreadable.ts';
import type { Decisions } from '../gate/decisions.ts';
import type { Editing } from '../gate/editing.ts';
import type { Rewinding } from '../gate/rewinding.ts';
import type { Unasked } from '../gate/unasked.ts';
import {
  abortSignal,
  checkpointsQuery,
  decideSignal,
  decideUpdate,
  questionsQuery,
  rewindSignal,
  rewindUpdate,
  stateQuery,
  statusQuery,
  wakeSignal,
  updateStateSignal,
  updateStateUpdate,
  previewEditQuery,
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
  readonly rewinding: Rewinding;
  readonly editing: Editing;
  readonly refusals: Refusals;
  /** A person wants a waiting job to look whether it should move to another version. */
  readonly onWake: () => void;
}

interface UnaskedMessages<Answer> {
  readonly signal: SignalDefinition<[unknown]>;
  readonly update: UpdateDefinition<Answer, [unknown]>;
  /** How the refusal of an Update begins. */
  readonly notDone: string;
}

/** Signals that came before are delivered at once. */
export function handleMessages(options: HandlersOptions): void {
  const { view, questions, decisions, refusals, onWake } = options;
  setHandler(statusQuery, () => view.status);
  setHandler(questionsQuery, () => boundedQuestions(questions.all));
  const queries = new CheckpointQueries(options);
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
  const { rewinding, editing } = options;
  const rewinds = { signal: rewindSignal, update: rewindUpdate, notDone: "The job can't be rewound" };
  handleUnasked(options, rewinding, rewinds);
  const edits = { signal: updateStateSignal, update: updateStateUpdate, notDone: "The state can't be updated so" };
  handleUnasked(options, editing, edits);
  setHandler(previewEditQuery, (value) => editing.preview(value));
  setDefaultSignalHandler((name) => refusals.addSignal(name));
}

/** Rewinds and edits. */
function handleUnasked<Answer>(
  { view, refusals }: HandlersOptions,
  asked: Pick<Unasked<object, object, Answer>, 'bySignal' | 'byUpdate' | 'problemsOf'>,
  { signal, update, notDone }: UnaskedMessages<Answer>,
): void {
  setHandler(signal, async (value) => {
    const why = whyUnreadable(value);
    if (why !== undefined) return refusals.add({}, [unreadableText(why)]);
    await asked.bySignal(value);
    view.refresh();
  });
  setHandler(
    update,
    async (value): Promise<Answer> => {
      const answer = await asked.byUpdate(value);
      view.refresh();
      return answer;
    },
    {
      validator: (value) => {
        const why = whyUnreadable(value);
        const problems = why === undefined ? asked.problemsOf(value) : [unreadableText(why)];
        if (problems.length > 0) throw refused(`${notDone}: ${problems.join('; ')}.`);
      },
    },
  );
}

function unreadableText(why: string): string {
  return `what was sent cannot be read: ${why.replace(/\.$/, '')}`;
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'decision-refused', nonRetryable: true });
}
