/**
 * What can happen in a state: what the Workflow asks of workers, what persons decide, and what comes from outside. An
 * operation is data, so that it can be told in words and done to the real code.
 */
import { decisionsFor } from './questions.ts';
import type { Interruption, MomentPassed } from './running.ts';
import {
  ABSENT,
  databaseOf,
  RESOURCES,
  type Answer,
  type Memory,
  type Outside,
  type Resource,
  type State,
  type Step,
  type Value,
} from './state.ts';

export type Operation =
  | { readonly op: 'step' | 'compare' | 'begin undo' | 'undo next' | 'release'; readonly at?: Interruption }
  | { readonly op: 'decide'; readonly answers: readonly Answer[]; readonly at?: Interruption }
  | { readonly op: 'decide again'; readonly answers: readonly Answer[] }
  | { readonly op: 'crash' | 'wake' | 'wait' | 'swap' | 'abort' }
  | { readonly op: 'reset'; readonly to: Step }
  | { readonly op: 'edit'; readonly res: Resource; readonly value: Value };

/** How often each thing from outside may happen. */
export type Bounds = Readonly<Record<Outside, number>>;

export const NOTHING: Bounds = { crash: 0, edit: 0, reset: 0, lose: 0, wait: 0, swap: 0, abort: 0, decide: 0 };

const STEP_ORDER: readonly Step[] = ['a', 'b'];

/** Which operations there are, without what may interrupt them. */
export function operationsIn(state: State, bounds: Bounds): readonly Operation[] {
  const { workflow, spent, lost } = state;
  const may = (what: Outside): boolean => spent[what] < bounds[what];
  if (workflow.phase === 'ended') return [];
  const all: Operation[] = [...workflowsTurn(state, bounds)];
  if (may('edit'))
    for (const res of RESOURCES) for (const value of editsOf(state, res)) all.push({ op: 'edit', res, value });
  if (may('crash')) all.push({ op: 'crash' });
  if (lost !== null) all.push({ op: 'wake' });
  if (may('wait') && workflow.asked === null) all.push({ op: 'wait' });
  if (may('swap') && state.backup !== null) all.push({ op: 'swap' });
  if (may('abort') && workflow.phase === 'running' && workflow.deciding === null) all.push({ op: 'abort' });
  if (may('reset') && workflow.deciding === null)
    for (const to of STEP_ORDER) if (workflow.past[to] !== undefined) all.push({ op: 'reset', to });
  const last = state.ledger.repair;
  if (may('decide') && last?.isDone === true)
    for (const answers of decisionsFor(last.question)) all.push({ op: 'decide again', answers });
  return all;
}

/** What comes next by itself, or by a person who is asked. */
function workflowsTurn({ workflow, spent }: State, bounds: Bounds): readonly Operation[] {
  const { asked, deciding, phase, undo, isDue } = workflow;
  if (deciding !== null) return [{ op: 'decide', answers: deciding }];
  // What is looked at once more shows the same: as often as somebody looks again.
  const mayRecheck = spent.decide < bounds.decide;
  if (asked !== null)
    return decisionsFor(asked)
      .filter((answers) => mayRecheck || answers[0] !== 'recheck')
      .map((answers) => ({ op: 'decide', answers }));
  if (phase === 'undoing')
    return [undo === null ? { op: 'begin undo' } : undo.length > 0 ? { op: 'undo next' } : { op: 'release' }];
  if (isDue) return [{ op: 'compare' }];
  return [nextStep(workflow) === undefined ? { op: 'release' } : { op: 'step' }];
}

export function nextStep({ done }: Pick<Memory, 'done'>): Step | undefined {
  return STEP_ORDER.find((step) => !done.includes(step));
}

/** A value of its own, or nothing; or what was there before a half-applied step. */
export function editsOf({ world, spent, ledger }: State, res: Resource): readonly Value[] {
  const before = ledger.intents.flatMap(({ effects }) =>
    effects.flatMap((one) => (one.res === res ? [one.before] : [])),
  );
  return [...new Set([`h${spent.edit + 1}`, ABSENT, ...before])].filter((value) => value !== world[res]);
}

/** What may come between at a moment that an operation passes. */
export function interruptionsOf(
  state: State,
  bounds: Bounds,
  passed: readonly MomentPassed[],
): readonly Interruption[] {
  const { spent } = state;
  return passed.flatMap(({ moment, locked, world, isInCode }, at): Interruption[] => {
    const all: Interruption[] = [];
    const add = (act: Interruption['act']): void => void all.push({ at, moment, act });
    if (spent.crash < bounds.crash) add({ do: 'crash' });
    if (spent.lose < bounds.lose && isInCode && state.lost === null) {
      add({ do: 'lose' });
      add({ do: 'move' });
    }
    if (spent.edit >= bounds.edit) return all;
    for (const res of RESOURCES) {
      const db = databaseOf(res);
      if (db !== undefined && locked.includes(db)) continue;
      for (const value of [`h${spent.edit + 1}`, ABSENT]) if (value !== world[res]) add({ do: 'edit', res, value });
    }
    return all;
  });
}
