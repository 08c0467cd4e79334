/** Edits that people ask for, by Signal or Update: a step counts as done, with what a person gives for it. */
import type { JsonObject } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { isFailure } from '../../model/failure.ts';
import { parseEdit, type Edit, type EditedStep, type EditPreview, type EditRequest } from '../../model/job/edit.ts';
import { callEdit } from '../activities.ts';
import type { EditAnswer } from '../messages.ts';
import type { Edits } from '../state/edits.ts';
import type { StepBoard } from '../state/step-board.ts';
import { Unasked, type UnaskedOptions } from './unasked.ts';

/** What knows the state that is edited: a plan's scheduler, or the state of a Workflow of one's own. */
export interface Editable {
  /** What is known of the step, or why it can't be edited so. Default: what has been seen of it. */
  editedStep?(edit: Edit): EditedStep | Refusal;
  /** What the state would hold then. @throws HoldfastError, for what can't join */
  tried(stepId: string, putIn: Tried): JsonObject;
}

export type Tried = Pick<Edit, 'output' | 'values'>;

interface Refusal {
  readonly problems: readonly string[];
}

export interface EditingOptions extends UnaskedOptions {
  readonly board: StepBoard;
  readonly edits: Edits;
  readonly state: Editable;
  /** The record has it; the job's body is to go on from there. */
  readonly onEdited: () => void;
}

export interface Editing extends Unasked<Edit, EditRequest, EditAnswer> {
  /** What it would do, as far as the Workflow knows. */
  preview(value: unknown): EditPreview;
}

const MAX_STEPS_NAMED = 20;

export function editingOf({ onEdited, ...options }: EditingOptions): Editing {
  const { identity, knowledge, state } = options;
  const asked = new Unasked(options, {
    activity: 'edit',
    what: 'an edit',
    notDone: () => 'The state was not updated',
    moved: () => ['taken back', 'update it again'],
    parse: parseEdit,
    problemsIn: (edit: Edit) => problemsIn(edit, options),
    requestOf: (edit): EditRequest => {
      const step = editedStep(edit, options);
      return { ...identity, edit, known: knowledge.known, ...('problems' in step ? {} : step) };
    },
    call: callEdit,
    use: ({ asNode }, { reruns, notes, someStays }, compare): EditAnswer => {
      onEdited();
      if (someStays === true) compare();
      const runsAgain = reruns.map(({ stepId }) => stepId).filter((stepId) => stepId !== asNode);
      return { asNode, runsAgain, done: notes };
    },
  });
  return Object.assign(asked, {
    preview: (value: unknown): EditPreview => {
      const problems = asked.problemsOf(value);
      const parsed = parseEdit(value);
      if (problems.length > 0 || 'problems' in parsed) return { problems, values: {} };
      return { problems, values: state.tried(parsed.value.asNode, parsed.value) };
    },
  });
}

function problemsIn(edit: Edit, options: Pick<EditingOptions, 'board' | 'edits' | 'state'>): readonly string[] {
  const { edits, state } = options;
  const { asNode, output = null, values } = edit;
  const step = editedStep(edit, options);
  if ('problems' in step) return step.problems;
  const noRoom = edits.whyNot(asNode, { output, ...defined({ values }) });
  if (noRoom !== undefined) return [noRoom];
  try {
    state.tried(asNode, edit);
    return [];
  } catch (error) {
    if (!isFailure(error)) throw error;
    return [error.message.replace(/\.$/, '')];
  }
}

function editedStep(edit: Edit, { board, state }: Pick<EditingOptions, 'board' | 'state'>): EditedStep | Refusal {
  if (state.editedStep !== undefined) return state.editedStep(edit);
  const seen = board.steps.find(({ id }) => id === edit.asNode);
  if (seen !== undefined) return { step: seen.step };
  const ids = board.steps.map(({ id }) => id);
  const shown = ids.length === 0 ? 'none' : ids.slice(-MAX_STEPS_NAMED).join(', ');
  return { problems: [`the job has begun no step "${edit.asNode}"; expected one of ${shown}`] };
}
