/**
 * What walks of the model and of the real code have found: the shortest operations that led to it, and the rule that
 * the code lacked then. A test does each to the real code, which must agree with the model after every operation.
 */
import type { Operation } from './operations.ts';
import type { Rule } from './rules.ts';
import type { Act, Interruption, Moment } from './running.ts';
import type { Answer, Resource, Value } from './state.ts';

export interface Found {
  readonly what: string;
  /** Taken out of the model, the last operation breaks a guarantee. None: the code broke none of its. */
  readonly rule?: Rule;
  readonly operations: readonly Operation[];
}

const STEP = { op: 'step' } as const;
const COMPARE = { op: 'compare' } as const;
const BEGUN = [STEP, COMPARE] as const;
const decide = (...answers: Answer[]): Operation => ({ op: 'decide', answers });
const at = (place: number, moment: Moment, act: Act): { readonly at: Interruption } => ({
  at: { at: place, moment, act },
});
const edit = (res: Resource, value: Value): Act => ({ do: 'edit', res, value });

export const FOUND: readonly Found[] = [
  {
    what: 'a draft that is dropped hands its values on: what was read before they were drawn is the same',
    rule: 'onceKept',
    operations: [
      ...BEGUN,
      STEP,
      { ...STEP, ...at(1, 'once.after', edit('f', 'h1')) },
      COMPARE,
      decide('restore'),
      COMPARE,
      STEP,
    ],
  },
  {
    what: 'a file that two steps have written, and somebody since, goes back to before both when both run again',
    rule: 'foundIsNewest',
    operations: [
      ...BEGUN,
      STEP,
      STEP,
      { op: 'reset', to: 'a' },
      STEP,
      { ...COMPARE, ...at(0, 'term.fence-raised', edit('g', 'h1')) },
      decide('undo', 'undo', 'rerun'),
      COMPARE,
      STEP,
    ],
  },
  {
    what: 'a row that goes back to what a person had accepted is recorded so, and nobody is asked about it',
    rule: 'putBackTold',
    operations: [
      ...BEGUN,
      STEP,
      { ...STEP, ...at(0, 'claim.after', edit('x', 'h1')) },
      COMPARE,
      decide('accept'),
      COMPARE,
      STEP,
      { op: 'reset', to: 'a' },
      STEP,
      COMPARE,
      decide('undo', 'undo'),
      COMPARE,
    ],
  },
  {
    what: 'a Workflow that was reset to before a decision does not go on from a step that the decision took back',
    rule: 'takenBackAsked',
    operations: [
      ...BEGUN,
      STEP,
      { ...STEP, ...at(0, 'claim.after', edit('f', 'h1')) },
      COMPARE,
      decide('rerun'),
      { op: 'reset', to: 'b' },
      STEP,
      COMPARE,
      STEP,
      { op: 'release' },
    ],
  },
  {
    what: 'nor does it where a person has had the world compared again meanwhile',
    rule: 'heardAsCarriedOut',
    operations: [
      ...BEGUN,
      STEP,
      { ...STEP, ...at(4, 'applying.before', { do: 'crash' }) },
      { op: 'edit', res: 'g', value: '-' },
      STEP,
      COMPARE,
      decide('rerun'),
      { op: 'reset', to: 'b' },
      STEP,
      COMPARE,
      decide('recheck'),
      COMPARE,
      STEP,
      { op: 'release' },
    ],
  },
  {
    what: 'a row that was changed after its COMMIT becomes what the step wants when a person says overwrite',
    rule: 'overwriteCommitted',
    operations: [
      ...BEGUN,
      { ...STEP, ...at(5, 'commit.database-after', { do: 'crash' }) },
      STEP,
      { ...COMPARE, ...at(0, 'verify.compared', edit('x', 'h1')) },
      STEP,
      COMPARE,
      decide('overwrite'),
      COMPARE,
      STEP,
    ],
  },
  {
    what: 'what a person lets stay as it is stays so, also where an earlier step that had written it is undone',
    rule: 'staysAsSaid',
    operations: [
      ...BEGUN,
      STEP,
      { ...STEP, ...at(6, 'commit.database-after', { do: 'crash' }) },
      { op: 'edit', res: 'x', value: 'a0' },
      { op: 'reset', to: 'a' },
      STEP,
      COMPARE,
      decide('undo', 'skip'),
      COMPARE,
    ],
  },
  {
    what: 'a sub-step whose step was to run again, and that could not be taken back then, is undone with the job',
    rule: 'undoneWhichever',
    operations: [
      ...BEGUN,
      STEP,
      STEP,
      { op: 'reset', to: 'a' },
      STEP,
      COMPARE,
      { op: 'edit', res: 'x', value: 'h1' },
      decide('undo', 'undo'),
      { op: 'abort' },
      { op: 'begin undo' },
      { op: 'undo next' },
    ],
  },
  {
    what: 'a file that a person lets stay as it was found can be restored to that later',
    operations: [
      ...BEGUN,
      { ...STEP, ...at(6, 'commit.effect-marked', edit('f', 'h1')) },
      decide('skip'),
      { ...COMPARE, ...at(0, 'verify.compared', edit('f', 'h2')) },
      STEP,
      STEP,
      COMPARE,
      decide('restore'),
    ],
  },
  {
    what: 'what an undoing puts back is sealed before it is prepared, and a kill then leaves the seal',
    operations: [
      ...BEGUN,
      STEP,
      STEP,
      { op: 'abort' },
      { op: 'begin undo' },
      { op: 'undo next', ...at(1, 'seal.after', { do: 'crash' }) },
      { op: 'undo next' },
      { op: 'begin undo' },
      { op: 'undo next' },
    ],
  },
  {
    what: 'what a decision has taken back of a database is not taken for lost when the job ends',
    operations: [
      ...BEGUN,
      { ...STEP, ...at(5, 'commit.database-after', edit('f', 'h1')) },
      decide('undo'),
      { op: 'abort' },
      { op: 'begin undo' },
      { op: 'release' },
    ],
  },
  {
    what: 'what a decision has taken back of a database is not looked for when its step runs again',
    operations: [
      ...BEGUN,
      { ...STEP, ...at(5, 'commit.database-after', edit('f', 'h1')) },
      decide('undo'),
      COMPARE,
      STEP,
    ],
  },
];
