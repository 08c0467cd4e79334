/** The checkpoints of a plan's job: its input, and the end of each super-step. */
import type { CheckpointNote, CheckpointTask } from '../../checkpoint/note.ts';
import { defined } from '../../defined.ts';
import { FoldedWrites } from '../../state/fold-writes.ts';
import { nextSuperStep, type PlanGraph } from '../graph/graph.ts';
import type { Plan } from '../plan.ts';
import type { SuperStepEnd } from './plan-job.ts';

const MAX_MESSAGE_CHARACTERS = 1_000;

type PlanCheckpoint = Pick<CheckpointNote, 'source' | 'step' | 'tasks' | 'next' | 'begins' | 'writes'>;

/** Before any step: the state as it begins. */
export function inputCheckpoint(plan: Plan, graph: PlanGraph): PlanCheckpoint {
  const next = [...nextSuperStep(graph, new Set())];
  return { source: 'input', step: -1, tasks: [], next, begins: channelsOf(plan), writes: [] };
}

/** The schema of a channel is the plan's: it has said so when the value was written. */
function channelsOf({ state }: Plan): NonNullable<CheckpointNote['begins']> {
  return Object.fromEntries(
    Object.entries(state).map(([name, { reducer, by, initial }]) => [name, { reducer, ...defined({ by, initial }) }]),
  );
}

/** The state that the next super-step sees, to which can be added. */
export function stateAtEnd(plan: Plan, { state }: SuperStepEnd): FoldedWrites {
  return new FoldedWrites(channelsOf(plan), state);
}

interface OfSteps {
  readonly generationOf: (stepId: string) => number;
  /** Has a person put in what it comes to? */
  readonly isEdited: (stepId: string) => boolean;
}

export function loopCheckpoint(
  plan: Plan,
  { superStep, ran, ends, next, written }: SuperStepEnd,
  { generationOf, isEdited }: OfSteps,
): PlanCheckpoint {
  const tasks = ran.map((id): CheckpointTask => {
    const { kind, error } = ends.get(id)!;
    const outcome = kind === 'done' || kind === 'skipped' || kind === 'void' ? kind : 'failed';
    return { id, generation: generationOf(id), outcome, ...defined({ error: error && bounded(error) }) };
  });
  const { isAnew, writes } = written;
  const begins = isAnew ? channelsOf(plan) : undefined;
  const hasEdit = tasks.some(({ id, outcome }) => outcome === 'done' && isEdited(id));
  const source = hasEdit ? 'update' : 'loop';
  return { source, step: superStep, tasks, next: [...next], ...defined({ begins }), writes: [...writes] };
}

function bounded({ type, message }: { readonly type: string; readonly message: string }): CheckpointTask['error'] {
  return { type, message: message.slice(0, MAX_MESSAGE_CHARACTERS) };
}
