/** What an operation makes of a state, and of what the Workflow knows. */
import { applyIntent } from './apply.ts';
import { compare } from './compare.ts';
import { mustHoldAtEnd } from './end.ts';
import { nextStep, type Operation } from './operations.ts';
import { isAboutTheWorld } from './questions.ts';
import { decide } from './repair.ts';
import type { Rules } from './rules.ts';
import { Crash, edit, placeOf, Running, StandsStill, Violation, type MomentPassed } from './running.ts';
import {
  copy,
  NOWHERE,
  type Answer,
  type Memory,
  type Outside,
  type Resource,
  type State,
  type Step,
  type Value,
} from './state.ts';
import { goOn, runStep, type Result } from './step.ts';
import { beginUndo, undoWork } from './undo.ts';

const OUTSIDE: readonly Operation['op'][] = ['crash', 'wake', 'wait', 'swap', 'abort', 'reset', 'edit', 'decide again'];

export interface Done {
  readonly state: State;
  readonly passed: readonly MomentPassed[];
  /** What came of it, in a word. */
  readonly result: string;
}

/** @throws Violation */
export function perform(before: State, operation: Operation, rules: Rules): Done {
  const state = copy(before);
  const at = 'at' in operation ? operation.at : undefined;
  if (at !== undefined) state.ghost.rounds = 0;
  if (at !== undefined) spend(state, at.act.do === 'crash' ? 'crash' : at.act.do === 'edit' ? 'edit' : 'lose');
  const r = new Running(state, rules, at);
  try {
    return { state, passed: r.passed, result: run(r, operation) };
  } catch (error) {
    if (error instanceof Crash) {
      crash(state);
      return { state, passed: r.passed, result: 'crash' };
    }
    throw error;
  }
}

function run(r: Running, operation: Operation): string {
  const { state } = r;
  if (OUTSIDE.includes(operation.op)) state.ghost.rounds = 0;
  switch (operation.op) {
    case 'step':
      return step(r);
    case 'compare':
      return tellCompared(r);
    case 'decide':
      return tellDecision(r, operation.answers);
    case 'decide again':
      spend(state, 'decide');
      return decide(r, state.ledger.repair!.question, operation.answers).kind;
    case 'begin undo':
      return tellBegun(r);
    case 'undo next':
      return tellUndone(r);
    case 'release':
      return release(r);
    case 'crash':
      spend(state, 'crash');
      crash(state);
      return 'crash';
    case 'wake':
      return wake(r);
    case 'wait':
      spend(state, 'wait');
      state.isLongSince = true;
      state.ghost.isCompared = false;
      return 'waited';
    case 'swap':
      return swap(state);
    case 'abort':
      spend(state, 'abort');
      Object.assign(state.workflow, { phase: 'undoing', asked: null, undo: null, isDue: false });
      return 'aborted';
    case 'reset':
      spend(state, 'reset');
      return reset(state, operation.to);
    case 'edit':
      spend(state, 'edit');
      edit(state, operation.res, operation.value);
      return 'edited';
  }
}

function spend(state: State, what: Outside): void {
  state.spent[what] += 1;
}

/** All processes end; another worker comes. */
function crash(state: State): void {
  state.worker += 1;
  state.lost = null;
  state.ghost.isCompared = false;
  state.ghost.rounds = 0;
}

function step(r: Running): string {
  const { state } = r;
  const { workflow } = state;
  const next = nextStep(workflow)!;
  const gen = workflow.gens[next] ?? 0;
  try {
    return tellStep(
      r,
      next,
      runStep(r, { step: next, gen, run: workflow.run, term: workflow.term, known: workflow.known }),
    );
  } catch (error) {
    if (!(error instanceof StandsStill)) throw error;
    return standStill(r, next, gen, error.isMoved);
  }
}

/** Its claim stays open; a retry of the request goes to this worker again, or, moved, to one on another host. */
function standStill({ state }: Running, step: Step, gen: number, isMoved: boolean): string {
  const { ledger, workflow, world, ghost } = state;
  const token = `${step}${gen}`;
  const { nonce, draft } = ledger.claims[token]!;
  const once = ledger.once.find(([of, at]) => of === token && at === draft)?.[3] ?? '';
  state.lost = {
    step,
    gen,
    run: workflow.run,
    term: workflow.term,
    known: workflow.known,
    nonce,
    draft,
    reads: step === 'b' ? [['f', world.f]] : [],
    once,
    elsewhere: isMoved ? copy(ledger) : null,
  };
  if (isMoved) {
    state.worker += 1;
    ghost.isSwapped = true;
  }
  ghost.isCompared = false;
  return 'stands still';
}

function tellStep({ state }: Running, step: Step, result: Result): string {
  const { workflow, ghost, ledger } = state;
  if (result.kind === 'verification-required') {
    workflow.isDue = true;
    ghost.rounds += 1;
    if (ghost.rounds > 7)
      throw new Violation('G1', `step ${step} never gets through: it asks for a comparison for ever`);
    return result.kind;
  }
  if (result.kind !== 'other-generation') ghost.rounds = 0;
  if (result.kind === 'done') {
    const { at } = result;
    workflow.done.push(step);
    workflow.held.push(at.seq);
    if (at.seq > workflow.known.seq) workflow.known = at;
    workflow.past.a ??= { term: 0, known: NOWHERE, done: [], held: [], gens: {} };
    if (step === 'a' && workflow.past.b === undefined) {
      workflow.past.b = copy(memoryOf(state));
    }
  } else if (result.kind === 'other-generation') workflow.gens[step] = result.gen;
  else if (result.kind === 'question') workflow.asked = result.question;
  else if (result.kind === 'held') workflow.asked = ledger.open.find(isAboutTheWorld)!;
  else throw new Violation('G1', `step ${step} of a job that goes on ends as ${result.kind}`);
  return result.kind;
}

function memoryOf({ workflow: { term, known, done, held, gens } }: State): Memory {
  return { term, known, done, held, gens };
}

function tellCompared(r: Running): string {
  const { workflow, ledger } = r.state;
  const next = nextStep(workflow);
  const { question } = compare(r, next === undefined ? [] : [next]);
  workflow.term = ledger.term;
  if (question !== undefined) {
    workflow.asked = question;
    return 'question';
  }
  workflow.isDue = false;
  learn(r);
  r.state.backup ??= copy(ledger);
  return 'verified';
}

function learn({ state: { workflow, ledger } }: Running): void {
  const at = placeOf(ledger);
  if (at.seq > workflow.known.seq) workflow.known = at;
}

function tellDecision(r: Running, answers: readonly Answer[]): string {
  const { workflow, ledger } = r.state;
  if (answers[0] === 'recheck') spend(r.state, 'decide');
  // A crash on the way: its answer was not heard of, and the same is sent again.
  workflow.deciding = [...answers];
  const decided = decide(r, workflow.asked!, answers);
  const isRepaired = decided.kind === 'repaired';
  const repair = isRepaired ? decided.repair : undefined;
  workflow.deciding = null;
  workflow.asked = null;
  if (workflow.phase === 'running') {
    workflow.isDue = r.has('decidedCompares');
    // It was in people's hands meanwhile.
    r.state.ghost.isCompared = false;
  } else workflow.undo = null;
  if (!isRepaired) return decided.kind;
  workflow.term = ledger.term;
  learn(r);
  if ((repair?.reruns.length ?? 0) > 0) workflow.held.push(placeOf(ledger).seq);
  for (const [step, gen] of repair?.reruns ?? []) {
    workflow.gens[step] = gen;
    workflow.done = workflow.done.filter((one) => one !== step);
  }
  return 'repaired';
}

function tellBegun(r: Running): string {
  const { workflow, ledger } = r.state;
  const begun = beginUndo(r);
  workflow.term = ledger.term;
  if ('question' in begun) {
    workflow.asked = begun.question;
    return 'question';
  }
  learn(r);
  workflow.undo = begun.items;
  return 'ready';
}

function tellUndone(r: Running): string {
  const { workflow } = r.state;
  const [{ step, gen, seq, skip }, ...left] = workflow.undo! as [NonNullable<typeof workflow.undo>[number]];
  const { run, term, known } = workflow;
  const result = runStep(r, { step, gen, run, term, known, undoes: { seq, skip } }, undoWork);
  if (result.kind === 'done') {
    workflow.undo = left;
    if (result.at.seq > known.seq) workflow.known = result.at;
  } else if (result.kind === 'question') workflow.asked = result.question;
  else if (result.kind === 'held') workflow.asked = r.state.ledger.open.find(isAboutTheWorld)!;
  else if (result.kind === 'other-generation')
    throw new Violation('G1', `${step}${gen} is never undone: another generation was issued since`);
  else workflow.undo = null;
  return result.kind;
}

/** What is half applied is finished, what was only sealed is dropped; the workspace is given back. */
function release(r: Running): string {
  const { state } = r;
  const { ledger, workflow } = state;
  for (const intent of ledger.intents)
    if (intent.state === 'sealed') ledger.intents = ledger.intents.filter((one) => one !== intent);
    else applyIntent(r, intent, ledger.term);
  mustHoldAtEnd(r);
  workflow.phase = 'ended';
  ledger.job = 'ended';
  return 'released';
}

/** A leftover goes on where it stood: it has run the code, and is about to seal. */
function wake(r: Running): string {
  const { state } = r;
  const lost = state.lost!;
  state.lost = null;
  const { step, gen, run, term, known, nonce, draft, reads, once, elsewhere } = lost;
  const token = `${step}${gen}`;
  const { ledger } = state;
  // The record of another host says nothing of this one's: only databases know that a later term has come.
  r.isLeftover =
    elsewhere === null
      ? ledger.claims[token]?.nonce !== nonce || ledger.run !== run || ledger.job !== 'open'
      : Object.values(state.fences).some((fence) => fence > elsewhere.term);
  r.elsewhere = elsewhere ?? undefined;
  const request = { step, gen, run, term, known };
  const attempt = { request, token, nonce, draft, since: 0 };
  // An attempt that nobody has replaced was slow, and not lost.
  const isOwn = !r.isLeftover && elsewhere === null;
  const isCompared = isOwn ? !state.isLongSince : state.ghost.isCompared;
  // It has been compared with the world before it stood still.
  state.ghost.isCompared = true;
  const targets: [Resource, Value][] =
    step === 'a'
      ? (['f', 'g', 'x', 'y'] as const).filter((res) => gen === 0 || res !== 'g').map((res) => [res, token])
      : [
          ['g', `${token}(${reads[0]![1]},${once})`],
          ['y', token],
        ];
  try {
    const result = goOn(r, attempt, { targets, reads, once });
    return result === 'again' ? result : result.kind;
  } finally {
    state.ghost.isCompared = isCompared;
  }
}

/** The ledger is replaced by an older copy of it. */
function swap(state: State): string {
  spend(state, 'swap');
  state.ledger = copy(state.backup!);
  state.ghost.isSwapped = true;
  return 'swapped';
}

/** The Workflow is reset to before a step, in a new Run. */
function reset(state: State, to: Step): string {
  const { workflow } = state;
  const memory = copy(workflow.past[to]!);
  const past = to === 'a' ? {} : workflow.past;
  Object.assign(workflow, {
    ...memory,
    run: workflow.run + 1,
    phase: 'running',
    isDue: false,
    asked: null,
    undo: null,
    past,
  });
  state.ghost.isCompared = false;
  return 'reset';
}
